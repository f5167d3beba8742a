import type { RaftNodeLimits } from "../types.ts";

/**
 * Proposals of one turn of the event loop, on their way into one append, and the oldest term in which one of them came. Bounds: `pendingProposalsMax` and
 * `pendingProposalBytesMax`; past either `push` refuses.
 */
export class ProposalQueue {
  readonly #limits: RaftNodeLimits;
  #payloads: Uint8Array[] = [];
  #bytes = 0;
  #oldestTerm = Number.POSITIVE_INFINITY;

  constructor(limits: RaftNodeLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#payloads.length === 0;
  }

  /** @param term that its proposer knows */
  push(data: Uint8Array, term: number): boolean {
    const { pendingProposalsMax, pendingProposalBytesMax } = this.#limits;
    if (this.#payloads.length >= pendingProposalsMax) return false;
    if (this.#bytes > 0 && this.#bytes + data.length > pendingProposalBytesMax) return false;
    this.#payloads.push(data);
    this.#bytes += data.length;
    this.#oldestTerm = Math.min(this.#oldestTerm, term);
    return true;
  }

  /** Everything, if some of it came in a term before `term`; else nothing. */
  takeIfOlderThan(term: number): readonly Uint8Array[] {
    return this.#oldestTerm < term ? this.#take() : [];
  }

  /** Everything, in portions that fit into one message. */
  *drain(): Generator<readonly Uint8Array[]> {
    const payloads = this.#take();
    let portion: Uint8Array[] = [];
    let bytes = 0;
    for (const data of payloads) {
      if (portion.length > 0 && bytes + data.length > this.#limits.appendMessageBytesMax) {
        yield portion;
        portion = [];
        bytes = 0;
      }
      portion.push(data);
      bytes += data.length;
    }
    if (portion.length > 0) yield portion;
  }

  #take(): readonly Uint8Array[] {
    const payloads = this.#payloads;
    this.#payloads = [];
    this.#bytes = 0;
    this.#oldestTerm = Number.POSITIVE_INFINITY;
    return payloads;
  }
}
