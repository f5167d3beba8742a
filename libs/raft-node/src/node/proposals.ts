/**
 * The way of proposals into Raft.
 *
 * I1. A forwarded proposal carries the sender's term, and a leader of another term drops it: a late copy never gets into
 *     a later term's log. So a proposal that is not applied when the first entry of a later term is, never will be.
 * I2. A proposal of our own goes into Raft only in the term that its proposer knew; else it is refused.
 */
import type { Message, RawNode } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import type { RaftNodeLimits } from "../types.ts";
import { ProposalQueue } from "./proposal-queue.ts";

export interface ProposalsOptions {
  readonly raw: RawNode;
  readonly limits: RaftNodeLimits;
  readonly logger: Logger;
  /** Given back, for they never got into a log. */
  readonly refused: ((payloads: readonly Uint8Array[], reason: string) => void) | undefined;
}

export class Proposals {
  readonly #options: ProposalsOptions;
  readonly #queue: ProposalQueue;

  constructor(options: ProposalsOptions) {
    this.#options = options;
    this.#queue = new ProposalQueue(options.limits);
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  /** @param term that the proposer knows @returns false: too many wait already */
  add(data: Uint8Array, term: number): boolean {
    return this.#queue.push(data, term);
  }

  /** Hands over everything that waits. */
  propose(): void {
    const { raw } = this.#options;
    this.#refuse(this.#queue.takeIfOlderThan(raw.term), "staleTerm"); // I2
    for (const payloads of this.#queue.drain()) {
      const outcome = raw.proposeAll(payloads);
      if (outcome !== "appended" && outcome !== "forwarded") this.#refuse(payloads, outcome);
    }
  }

  /** Another member's. Dropped without an answer where this member does not lead in its term. */
  forwarded(message: Message): void {
    const { raw, logger } = this.#options;
    const { role, term } = raw.status();
    const outcome = role === "leader" && term === message.term ? raw.step({ ...message, term: 0 }) : "staleTerm"; // I1
    if (outcome === "appended" || outcome === "handled") return;
    logger.debug({ peer: message.from.toString(16), outcome, entries: message.entries.length }, "proposals dropped");
  }

  #refuse(payloads: readonly Uint8Array[], reason: string): void {
    if (payloads.length > 0) this.#options.refused?.(payloads, reason);
  }
}
