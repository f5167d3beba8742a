import { setTimeout as delay } from "node:timers/promises";
import { fromByteString, type Clock, type Rng } from "@triarch/base";
import { LeaseKeepAliveResponse, LeaseTimeToLiveResponse } from "@triarch/etcd-proto";
import { LeaseError, pickLeaseId, type Lessor } from "@triarch/lease";
import type { Caller } from "../auth/caller.ts";
import type { AppliedWaiter } from "./applied-waiter.ts";
import type { Consensus } from "./consensus.ts";
import { EtcdServerError, ofLessor } from "./errors.ts";
import type { LeaderWaiter } from "./leader-waiter.ts";
import { leaderRetryMs } from "./limits.ts";
import type { PeerCallName, PeerCalls, PeerRequest, PeerResponse } from "./peer-calls.ts";
import type { Proposer } from "./proposer.ts";

export interface LeaseRequestsOptions {
  readonly memberId: bigint;
  readonly lessor: Lessor;
  readonly proposer: Proposer;
  readonly consensus: Consensus;
  readonly applied: AppliedWaiter;
  readonly leader: LeaderWaiter;
  readonly peerCalls: PeerCalls;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly rng: Rng;
}

/**
 * Lease requests, on any member. Granting and revoking go through the log. Renewing and asking what is left need the
 * leader's clock: a follower asks the leader, and asks again when leadership moves meanwhile, until the request times
 * out. Doing either twice does no harm.
 */
export class LeaseRequests {
  readonly #options: LeaseRequestsOptions;

  constructor(options: LeaseRequestsOptions) {
    this.#options = options;
    options.peerCalls.serve("leaseKeepAlive", (request) => this.#renew(request));
    options.peerCalls.serve("leaseTimeToLive", (request) => this.#timeToLive(request));
  }

  /** @param request.id 0: one is picked here */
  async grant(
    request: { readonly id: bigint; readonly ttl: number },
    caller: Caller,
  ): Promise<{
    readonly revision: number;
    readonly id: bigint;
    readonly ttl: number;
  }> {
    const { proposer, rng } = this.#options;
    const id = request.id === 0n ? pickLeaseId(rng) : request.id;
    const answer = await proposer.propose({ leaseGrant: { id, ttl: request.ttl } }, caller);
    return answer as { readonly revision: number; readonly id: bigint; readonly ttl: number };
  }

  async revoke(id: bigint, caller: Caller): Promise<{ readonly revision: number }> {
    return (await this.#options.proposer.propose({ leaseRevoke: { id } }, caller)) as { readonly revision: number };
  }

  /**
   * @returns the TTL from now on, in seconds; 0: there is no such lease
   * @throws EtcdServerError "noLeader" | "timeout" | "stopped"
   */
  async keepAlive(id: bigint): Promise<number> {
    const renew = (request: { readonly id: bigint }): Promise<LeaseKeepAliveResponse> => this.#renew(request);
    return (await this.#atLeader("leaseKeepAlive", { id }, renew)).ttl;
  }

  /** TTL -1: there is no such lease. @throws as `keepAlive` */
  async timeToLive(request: {
    readonly id: bigint;
    readonly keys: boolean;
  }): Promise<Pick<LeaseTimeToLiveResponse, "ttl" | "grantedTtl" | "keys">> {
    const { ttl, grantedTtl, keys } = await this.#atLeader("leaseTimeToLive", request, (own) => this.#timeToLive(own));
    return { ttl, grantedTtl, keys };
  }

  async #atLeader<N extends PeerCallName>(
    name: N,
    request: PeerRequest<N>,
    here: (request: PeerRequest<N>) => Promise<PeerResponse<N>>,
  ): Promise<PeerResponse<N>> {
    const { consensus, leader, clock, timeoutMs, peerCalls, memberId } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      if (consensus.leader === 0n) await leader.known(deadlineMs);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) throw new EtcdServerError({ code: "timeout", cause: "none" });
      const to = consensus.leader;
      try {
        if (to === memberId) return await here(request);
        return await peerCalls.call({ consensus, to, name, body: request, timeoutMs: leftMs });
      } catch (error) {
        if (!isPassing(error)) throw error;
        await delay(leaderRetryMs);
      }
    }
  }

  /** On the leader only. @throws EtcdServerError "notLeader" | "timeout" | "stopped" */
  async #renew({ id }: { readonly id: bigint }): Promise<LeaseKeepAliveResponse> {
    const { lessor, proposer } = this.#options;
    await this.#committedIsApplied();
    try {
      const { ttlSeconds, clearCheckpoint } = lessor.renew(id);
      if (clearCheckpoint) await proposer.propose({ leaseCheckpoint: { checkpoints: [{ id, remainingTtl: 0 }] } });
      return LeaseKeepAliveResponse.create({ id, ttl: ttlSeconds });
    } catch (error) {
      if (!(error instanceof LeaseError)) throw error;
      if (error.failure.code === "leaseNotFound") return LeaseKeepAliveResponse.create({ id, ttl: 0 });
      throw ofLessor(error);
    }
  }

  /** On the leader only. @throws as `#renew` */
  async #timeToLive(request: { readonly id: bigint; readonly keys: boolean }): Promise<LeaseTimeToLiveResponse> {
    const { lessor } = this.#options;
    const { id } = request;
    await this.#committedIsApplied();
    if (!lessor.isPrimary) throw new EtcdServerError({ code: "notLeader" });
    const times = lessor.timeToLive(id);
    if (times === undefined) return LeaseTimeToLiveResponse.create({ id, ttl: -1 });
    const keys = request.keys ? times.keys.map(fromByteString) : [];
    return LeaseTimeToLiveResponse.create({ id, ttl: times.remainingSeconds, grantedTtl: times.grantedSeconds, keys });
  }

  /** A lease that a member was told to be granted exists here once this resolves. */
  #committedIsApplied(): Promise<void> {
    const { consensus, applied } = this.#options;
    return applied.reached(consensus.status().commitIndex);
  }
}

/** It was the wrong member, or it could not be had: another attempt may find the right one. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof EtcdServerError && (error.failure.code === "notLeader" || error.failure.code === "unreachable")
  );
}
