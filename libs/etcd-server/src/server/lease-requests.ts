import { fromByteString, type Rng } from "@triarch/base";
import type { LeaseTimeToLiveResponse } from "@triarch/etcd-proto";
import { LeaseError, pickLeaseId, type Lessor } from "@triarch/lease";
import { EtcdServerError, ofLessor } from "./errors.ts";
import type { Proposer } from "./proposer.ts";

/**
 * Lease requests. Granting and revoking go through the log and work on any member; renewing and asking what is left
 * need the leader's clock, so a follower refuses them with "notLeader".
 */
export class LeaseRequests {
  readonly #lessor: Lessor;
  readonly #proposer: Proposer;
  readonly #rng: Rng;

  constructor(options: { readonly lessor: Lessor; readonly proposer: Proposer; readonly rng: Rng }) {
    this.#lessor = options.lessor;
    this.#proposer = options.proposer;
    this.#rng = options.rng;
  }

  /** @param request.id 0: one is picked here */
  async grant(request: { readonly id: bigint; readonly ttl: number }): Promise<{
    readonly revision: number;
    readonly id: bigint;
    readonly ttl: number;
  }> {
    const id = request.id === 0n ? pickLeaseId(this.#rng) : request.id;
    const answer = await this.#proposer.propose({ leaseGrant: { id, ttl: request.ttl } });
    return answer as { readonly revision: number; readonly id: bigint; readonly ttl: number };
  }

  async revoke(id: bigint): Promise<{ readonly revision: number }> {
    return (await this.#proposer.propose({ leaseRevoke: { id } })) as { readonly revision: number };
  }

  /** @returns the TTL from now on, in seconds; 0: there is no such lease */
  async keepAlive(id: bigint): Promise<number> {
    try {
      const { ttlSeconds, clearCheckpoint } = this.#lessor.renew(id);
      if (clearCheckpoint) {
        await this.#proposer.propose({ leaseCheckpoint: { checkpoints: [{ id, remainingTtl: 0 }] } });
      }
      return ttlSeconds;
    } catch (error) {
      if (!(error instanceof LeaseError)) throw error;
      if (error.failure.code === "leaseNotFound") return 0;
      throw ofLessor(error);
    }
  }

  /** TTL -1: there is no such lease. */
  async timeToLive(request: {
    readonly id: bigint;
    readonly keys: boolean;
  }): Promise<Pick<LeaseTimeToLiveResponse, "ttl" | "grantedTtl" | "keys">> {
    if (!this.#lessor.isPrimary) throw new EtcdServerError({ code: "notLeader" });
    const times = this.#lessor.timeToLive(request.id);
    if (times === undefined) return { ttl: -1, grantedTtl: 0, keys: [] };
    const keys = request.keys ? times.keys.map(fromByteString) : [];
    return { ttl: times.remainingSeconds, grantedTtl: times.grantedSeconds, keys };
  }
}
