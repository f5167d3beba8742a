import type { Clock } from "@triarch/base";
import { InternalRaftRequest, type InternalRaftRequestInit } from "@triarch/etcd-proto";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError } from "./errors.ts";
import type { Flusher } from "./flusher.ts";
import { pendingProposalsMax, requestBytesMax, unflushedBytesMax } from "./limits.ts";
import type { PendingProposals } from "./pending-proposals.ts";
import { RequestIds } from "./request-ids.ts";

/**
 * Turns a request into a log entry and waits until it is applied here. A refusal before Raft has it (no leader, a
 * bound) is safe to repeat; afterwards only `PendingProposals` ends the wait.
 */
export class Proposer {
  readonly #consensus: Consensus;
  readonly #pending: PendingProposals;
  readonly #flusher: Flusher;
  readonly #ids: RequestIds;

  constructor(options: {
    readonly memberId: bigint;
    readonly clock: Clock;
    readonly consensus: Consensus;
    readonly pending: PendingProposals;
    readonly flusher: Flusher;
  }) {
    this.#consensus = options.consensus;
    this.#pending = options.pending;
    this.#flusher = options.flusher;
    this.#ids = new RequestIds(options.memberId, options.clock);
  }

  /** @throws EtcdServerError, or what applying the request refuses with */
  async propose(request: InternalRaftRequestInit): Promise<unknown> {
    const overloaded = this.#flusher.unflushedBytes > unflushedBytesMax || this.#pending.size >= pendingProposalsMax;
    if (overloaded) throw new EtcdServerError({ code: "tooManyRequests" });
    const id = this.#ids.next();
    const data = InternalRaftRequest.encode({ ...request, header: { id } });
    if (data.length > requestBytesMax) {
      throw new EtcdServerError({ code: "requestTooLarge", sizeBytes: data.length, limitBytes: requestBytesMax });
    }
    const { term } = this.#consensus;
    const outcome = this.#consensus.propose(data);
    switch (outcome) {
      case "accepted":
        return this.#pending.add(id, term);
      case "overloaded":
        throw new EtcdServerError({ code: "tooManyRequests" });
      case "noLeader":
      case "stopped":
        throw new EtcdServerError({ code: outcome });
    }
  }
}
