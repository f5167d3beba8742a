/** One snapshot on its way, piece by piece; given up when the path or the receiver is gone for too long. */
import { concatBytes } from "@triarch/base";
import { encodeMessages } from "@triarch/raft-node";
import type { OutgoingSnapshot } from "@triarch/raft-node";
import type { Message } from "@triarch/raft";
import { never } from "./process.ts";
import type { SimTransport } from "./transport.ts";

const stallMaxMs = 30_000;
const retryMs = 250;

export type TransferOutcome = "taken" | "failed" | "abandoned";

export class SnapshotTransfer {
  readonly #sender: SimTransport;
  readonly #message: Message;
  readonly #snapshot: OutgoingSnapshot;
  #isAbandoned = false;

  constructor(parts: {
    readonly sender: SimTransport;
    readonly message: Message;
    readonly snapshot: OutgoingSnapshot;
  }) {
    this.#sender = parts.sender;
    this.#message = parts.message;
    this.#snapshot = parts.snapshot;
  }

  /** The sender does not want it any more, and is not told how it ends. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  async run(): Promise<TransferOutcome> {
    const { process, network } = this.#sender;
    const { world } = process;
    const bytes = encodeMessages([this.#message], this.#message.term);
    const receiver = network.transportOf(this.#message.to);
    const slowness = world.chance(0.2) ? 40 : 1;
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#snapshot.chunks) {
      pieces.push(piece);
      await process.wait(world.between(0.1, 2) * slowness);
      if (this.#isAbandoned) return "abandoned";
      if (!(await this.#pathIsOpen(receiver))) return this.#ending("failed");
      if (world.chance(network.traffic.snapshotAbortRate)) return this.#ending("failed");
    }
    if (receiver === undefined) return this.#ending("failed");
    const taken = await this.#deliver(receiver, bytes, concatBytes(pieces));
    return this.#ending(taken === "taken" ? "taken" : "failed");
  }

  #ending(outcome: TransferOutcome): TransferOutcome {
    const { process, memberId, network } = this.#sender;
    if (outcome !== "taken") network.reached.snapshotsAborted += 1;
    process.world.trace(`snapshot ${memberId.toString()}>${this.#message.to.toString()} ${outcome}`);
    return this.#isAbandoned ? "abandoned" : outcome;
  }

  /** Waits for it, up to a bound. */
  async #pathIsOpen(receiver: SimTransport | undefined): Promise<boolean> {
    const { process, network, memberId } = this.#sender;
    for (let waitedMs = 0; waitedMs < stallMaxMs; waitedMs += retryMs) {
      if (receiver === undefined || !receiver.isListening || receiver.refuses(memberId)) return false;
      if (network.isReachable(memberId, this.#message.to)) return true;
      await process.wait(retryMs);
      if (this.#isAbandoned) return false;
    }
    return false;
  }

  /** The receiver's answer, or the end of its process. */
  #deliver(receiver: SimTransport, bytes: Uint8Array, content: Uint8Array): Promise<"taken" | "refused"> {
    const { process } = this.#sender;
    return new Promise((resolve) => {
      const answer = (outcome: "taken" | "refused"): void => {
        process.world.after(process.world.between(0.1, 2), () => process.enter(() => resolve(outcome)));
      };
      receiver.process.enter(() => void receiver.receiveSnapshot(bytes, content).then(answer));
      void this.#watch(receiver, resolve);
    });
  }

  async #watch(receiver: SimTransport, resolve: (outcome: "refused") => void): Promise<void> {
    const { process } = this.#sender;
    for (let waitedMs = 0; waitedMs < stallMaxMs && receiver.isListening; waitedMs += retryMs) {
      await process.wait(retryMs);
    }
    if (!process.alive) return never();
    resolve("refused");
  }
}
