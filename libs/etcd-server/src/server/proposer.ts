import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "@triarch/base";
import { AuthError, type Identity } from "@triarch/etcd-auth";
import { InternalRaftRequest, type InternalRaftRequestInit } from "@triarch/etcd-proto";
import type { Caller } from "../auth/caller.ts";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError } from "./errors.ts";
import type { Flusher } from "./flusher.ts";
import type { LeaderWaiter } from "./leader-waiter.ts";
import { pendingProposalsMax, refusedRetryMs, requestBytesMax, unflushedBytesMax } from "./limits.ts";
import { ProposalRefused, type PendingProposals } from "./pending-proposals.ts";
import { RequestIds } from "./request-ids.ts";

/**
 * Turns a request into a log entry and waits until it is applied here.
 *
 * What certainly reached no log that counts waits for a leader and is proposed when there is one, so that an election and
 * a hand-over are a pause and not an error. Once it may be in a log, only `PendingProposals` ends the wait, and it is not proposed a second time.
 */
export class Proposer {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #consensus: Consensus;
  readonly #pending: PendingProposals;
  readonly #leader: LeaderWaiter;
  readonly #flusher: Flusher;
  readonly #cluster: Caller;
  readonly #ids: RequestIds;

  constructor(options: {
    readonly memberId: bigint;
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly consensus: Consensus;
    readonly pending: PendingProposals;
    readonly leader: LeaderWaiter;
    readonly flusher: Flusher;
    /** In whose name a request is made that nobody else made. */
    readonly cluster: Caller;
  }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#consensus = options.consensus;
    this.#pending = options.pending;
    this.#leader = options.leader;
    this.#flusher = options.flusher;
    this.#cluster = options.cluster;
    this.#ids = new RequestIds(options.memberId, options.clock);
  }

  /** For what others put into the log. */
  nextRequestId(): bigint {
    return this.#ids.next();
  }

  /**
   * A request that was refused because users or roles changed while it was under way is made again for who the caller is
   * now: it had no effect.
   *
   * @throws EtcdServerError, or what applying the request refuses with
   */
  async propose(request: InternalRaftRequestInit, caller = this.#cluster): Promise<unknown> {
    const deadlineMs = this.#clock.monotonicMs() + this.#timeoutMs;
    for (;;) {
      const who = caller.identity();
      try {
        return await this.#proposeFor(request, who, deadlineMs);
      } catch (error) {
        const passing = error instanceof AuthError && isPassing(error) && this.#clock.monotonicMs() < deadlineMs;
        if (!passing || caller.identity().authRevision <= who.authRevision) throw error;
      }
    }
  }

  async #proposeFor(request: InternalRaftRequestInit, who: Identity, deadlineMs: number): Promise<unknown> {
    const waiting = this.#pending.size + this.#leader.size;
    if (this.#flusher.unflushedBytes > unflushedBytesMax || waiting >= pendingProposalsMax) {
      throw new EtcdServerError({ code: "tooManyRequests" });
    }
    const id = this.#ids.next();
    const data = InternalRaftRequest.encode({ ...request, header: { id, ...who } });
    if (data.length > requestBytesMax) {
      throw new EtcdServerError({ code: "requestTooLarge", sizeBytes: data.length, limitBytes: requestBytesMax });
    }
    for (;;) {
      if (this.#consensus.leader === 0n) await this.#leader.known(deadlineMs);
      try {
        return await this.#proposeOnce(id, data);
      } catch (error) {
        if (!(error instanceof ProposalRefused)) throw error;
        if (this.#clock.monotonicMs() >= deadlineMs)
          throw error.cause instanceof EtcdServerError
            ? error.cause
            : new EtcdServerError({ code: "noLeader" }, { cause: error });
        await delay(refusedRetryMs);
      }
    }
  }

  #proposeOnce(id: bigint, data: Uint8Array): Promise<unknown> {
    const { term } = this.#consensus;
    const outcome = this.#consensus.propose(data);
    switch (outcome) {
      case "accepted":
        return this.#pending.add(id, term, { termIsExact: true });
      case "noLeader":
        throw new ProposalRefused(outcome);
      case "overloaded":
        throw new EtcdServerError({ code: "tooManyRequests" });
      case "stopped":
        throw new EtcdServerError({ code: "stopped" });
    }
  }
}

/** The caller was looked up before users or roles, or the switch, changed. */
function isPassing({ failure }: AuthError): boolean {
  return failure.code === "oldRevision" || failure.code === "userEmpty";
}
