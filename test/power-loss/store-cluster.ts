/** Three members of one store, each a process with a data directory of its own, and the checks that hold after a crash. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import type { Ledger } from "./ledger.ts";
import { MemberProcess, NoAnswer } from "./member-process.ts";
import type { MemberAnswer, MemberConfig, MemberOrder } from "./protocol.ts";
import { Violation } from "./violation.ts";

/** For all members to start, elect and catch up, on a machine that does other things too. */
const progressTimeoutMs = 120_000;
const askAgainMs = 50;
/** Below the ports that the system gives to outgoing connections: a member that is down keeps its own. */
const portsFrom = 20_000;
const portsTo = 30_000;

export class StoreCluster {
  readonly members: readonly MemberProcess[];
  #violation: Violation | undefined;

  private constructor(configs: readonly MemberConfig[]) {
    this.members = configs.map((config) => new MemberProcess(config, (violation) => (this.#violation ??= violation)));
  }

  /** Nothing is started yet. @param dataDirs one per member */
  static async create(dataDirs: readonly string[]): Promise<StoreCluster> {
    const ports: number[] = [];
    while (ports.length < dataDirs.length) {
      const port = randomInt(portsFrom, portsTo); // not by the seed: another run may have the same
      if (!ports.includes(port) && (await isFree(port))) ports.push(port);
    }
    const initialMembers = ports.map((port, i) => ({ name: `m${i + 1}`, peerUrls: [`http://127.0.0.1:${port}`] }));
    return new StoreCluster(
      ports.map((port, i) => ({ name: `m${i + 1}`, dataDir: dataDirs[i] as string, initialMembers, port })),
    );
  }

  /** @throws Violation if a member ever ended by itself, or broke */
  requireAlive(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** @throws Violation */
  async start(): Promise<void> {
    for (const member of this.members) if (!member.isRunning) member.start();
    await Promise.all(this.members.map((member) => member.started));
  }

  async kill(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }

  /**
   * All members run and nobody writes: every acknowledged write is on every member, and all hold the same.
   * @returns the store's revision
   * @throws Violation
   */
  async check(ledger: Ledger): Promise<number> {
    const revisions = await Promise.all(this.members.map((member) => this.#ask(member, { kind: "barrier" })));
    const revision = Math.min(...revisions.map((answer) => answer.revision ?? 0));
    const hashes = await Promise.all(this.members.map((member) => this.#ask(member, { kind: "hash", revision })));
    // The ledger first: a lost write says more than two numbers that differ.
    for (const member of this.members) {
      const { changes = [] } = await this.#ask(member, { kind: "history", revision });
      ledger.check(member.config.name, changes);
    }
    if (new Set(hashes.map(({ hash }) => hash)).size !== 1) {
      const list = this.members.map(({ config }, i) => `${config.name} ${hashes[i]?.hash ?? "none"}`);
      throw new Violation("hashesDiffer", `at revision ${revision}: ${list.join(", ")}`);
    }
    this.requireAlive();
    return revision;
  }

  /** Asks again while there is no leader. */
  async #ask(member: MemberProcess, order: MemberOrder): Promise<MemberAnswer> {
    const giveUpMs = performance.now() + progressTimeoutMs;
    for (;;) {
      this.requireAlive();
      try {
        return await member.ask(order);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        this.requireAlive();
        if (performance.now() > giveUpMs) {
          throw new Violation("noProgress", `${member.config.name} does not answer "${order.kind}": ${error.message}`);
        }
        await new Promise((resolve) => setTimeout(resolve, askAgainMs));
      }
    }
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
