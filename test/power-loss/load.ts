/**
 * Clients that write without pause: each has keys of its own, one request at a time, always at the same member. What is
 * acknowledged goes into the ledger; a request without an answer is not repeated.
 */
import type { Rng } from "@triarch/base";
import type { Ledger } from "./ledger.ts";
import { NoAnswer, type MemberProcess } from "./member-process.ts";
import { markOf } from "./protocol.ts";
import { Violation } from "./violation.ts";

/** A client whose member is gone looks again after this long. */
const retryMs = 20;
const lookIntervalMs = 5;
/** Elections included, on a machine that does other things too. */
const stallMsMax = 60_000;
const keysPerClient = 200;

export class Load {
  readonly #ledger: Ledger;
  readonly #rng: Rng;
  readonly #name: string;
  #stopped = false;
  #acknowledged = 0;
  #lastRefusal = "";
  readonly #clients: Promise<void>[];

  /** @param name makes the writes of this load different from those of all others of the ledger */
  constructor(options: {
    readonly members: readonly MemberProcess[];
    readonly clientsPerMember: number;
    readonly ledger: Ledger;
    readonly rng: Rng;
    readonly name: string;
  }) {
    this.#ledger = options.ledger;
    this.#rng = options.rng;
    this.#name = options.name;
    this.#clients = options.members.flatMap((member) =>
      Array.from({ length: options.clientsPerMember }, (_, lane) =>
        this.#write(member, `${member.config.name}.${lane}`),
      ),
    );
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Resolves when so many writes of this load are acknowledged, or it is stopped.
   * @throws Violation "noProgress" when none is for too long, or what `look` throws
   */
  async reached(count: number, look: () => void): Promise<void> {
    let before = this.#acknowledged;
    let movedMs = performance.now();
    while (this.#acknowledged < count && !this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
      look();
      if (this.#acknowledged > before) movedMs = performance.now();
      before = this.#acknowledged;
      if (performance.now() - movedMs < stallMsMax) continue;
      throw new Violation("noProgress", `no write was taken for ${stallMsMax / 1000} s; last: ${this.#lastRefusal}`);
    }
  }

  /** No new writes. Resolves when those under way are answered, or their members gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #write(member: MemberProcess, lane: string): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const key = `/load/${lane}/${this.#rng.int(keysPerClient)}`;
      try {
        if (this.#rng.int(10) === 0) {
          const { revision = 0 } = await member.ask({ kind: "delete", key });
          if (revision > 0) this.#took(revision, key, "");
        } else {
          const value = `${this.#name}.${lane}.${i}|${"x".repeat(this.#valueBytes())}`;
          const { revision = 0 } = await member.ask({ kind: "put", key, value });
          this.#took(revision, key, markOf(value));
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        this.#lastRefusal = error.message;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  /** Mostly small; now and then one that covers many sectors and pages. */
  #valueBytes(): number {
    const kind = this.#rng.int(100);
    if (kind < 90) return this.#rng.int(400);
    return this.#rng.int(kind < 99 ? 8_000 : 100_000);
  }

  #took(revision: number, key: string, mark: string): void {
    this.#ledger.acknowledge(revision, key, mark);
    this.#acknowledged += 1;
  }
}
