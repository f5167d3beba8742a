import type { Clock } from "@triarch/base";
import type { InternalRaftRequestInit } from "@triarch/etcd-proto";
import { MvccError } from "@triarch/mvcc";
import type { Logger } from "@triarch/telemetry";
import type { AppliedWaiter } from "./applied-waiter.ts";
import type { ReplicatedState } from "./applier.ts";
import { autoCompactor, type AutoCompactionPolicy, type AutoCompactor } from "./auto-compaction.ts";
import type { Consensus } from "./consensus.ts";
import type { LeaderWaiter } from "./leader-waiter.ts";
import { revokesPerSweepMax, sweepIntervalMs } from "./limits.ts";
import type { PendingProposals } from "./pending-proposals.ts";
import type { Proposer } from "./proposer.ts";
import type { SpaceKeeper } from "./space-keeper.ts";

export interface HousekeepingOptions {
  readonly memberId: bigint;
  readonly name: string;
  readonly clientUrls: readonly string[];
  readonly state: ReplicatedState;
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly pending: PendingProposals;
  readonly applied: AppliedWaiter;
  readonly leader: LeaderWaiter;
  readonly space: SpaceKeeper;
  readonly clock: Clock;
  /** Added to each lease when this member starts to lead: what the election may have taken. */
  readonly leaseExtensionMs: number;
  readonly autoCompaction: AutoCompactionPolicy;
  readonly logger: Logger;
}

/**
 * What a member does unasked, on two timers of its own: ends requests that waited too long; on the leader revokes
 * expired leases, notes what is left of long ones, and compacts history; tells the cluster its own name and client
 * URLs; looks after its disk.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #sweeper: NodeJS.Timeout;
  readonly #compactor: NodeJS.Timeout | undefined;
  readonly #stopLeaderWatch: () => void;
  readonly #autoCompactor: AutoCompactor;
  /** Proposals of each kind go one at a time; the next sweep looks again. */
  readonly #underWay = new Set<string>();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const { consensus, clock, autoCompaction } = options;
    this.#stopLeaderWatch = consensus.onLeaderChange(() => this.#followLeadership());
    this.#followLeadership();
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs);
    this.#autoCompactor = autoCompactor(autoCompaction, clock.monotonicMs());
    const { lookIntervalMs } = this.#autoCompactor;
    if (lookIntervalMs > 0) this.#compactor = setInterval(() => this.#compact(), lookIntervalMs);
  }

  close(): void {
    clearInterval(this.#sweeper);
    clearInterval(this.#compactor);
    this.#stopLeaderWatch();
  }

  #followLeadership(): void {
    const { consensus, state, leaseExtensionMs, leader } = this.#options;
    if (consensus.leader !== 0n) leader.wake();
    if (consensus.isLeader && !state.lessor.isPrimary) state.lessor.promote(leaseExtensionMs);
    if (!consensus.isLeader && state.lessor.isPrimary) state.lessor.demote();
  }

  #sweep(): void {
    const { pending, applied, leader, consensus, state } = this.#options;
    leader.expire();
    pending.expire(consensus.leader === 0n ? "leaderFailure" : "none");
    applied.expire();
    if (consensus.leader === 0n) return;
    this.#publishAttributes();
    this.#options.space.look((what, request) => this.#propose(what, request));
    if (!state.lessor.isPrimary) return;
    for (const id of state.lessor.takeExpired(revokesPerSweepMax))
      this.#propose(`revoke ${id}`, { leaseRevoke: { id } });
    const checkpoints = state.lessor.takeCheckpoints(revokesPerSweepMax);
    if (checkpoints.length === 0) return;
    const init = checkpoints.map(({ id, remainingSeconds }) => ({ id, remainingTtl: remainingSeconds }));
    this.#propose("checkpoint", { leaseCheckpoint: { checkpoints: init } });
  }

  #publishAttributes(): void {
    const { memberId, name, clientUrls, state } = this.#options;
    const known = state.membership.get(memberId);
    if (known === undefined || (known.name === name && sameTexts(known.clientUrls, clientUrls))) return;
    const clusterMemberAttrSet = { memberId, memberAttributes: { name, clientUrls } };
    this.#propose("attributes", { clusterMemberAttrSet });
  }

  #compact(): void {
    const { consensus, state, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const revision = this.#autoCompactor.look({ nowMs, revision: state.mvcc.revision, leads: consensus.isLeader });
    if (revision === undefined || revision <= 1) return;
    if (revision <= state.mvcc.compactRevision) return this.#autoCompactor.compacted(revision, nowMs);
    this.#propose("compaction", { compaction: { revision, physical: false } }, (error) => {
      const done = error === undefined || (error instanceof MvccError && error.failure.code === "compacted");
      if (done) this.#autoCompactor.compacted(revision, nowMs);
    });
  }

  /** @param ended called with why it failed, or with nothing */
  #propose(what: string, request: InternalRaftRequestInit, ended?: (error?: unknown) => void): void {
    if (this.#underWay.has(what)) return;
    this.#underWay.add(what);
    this.#options.proposer
      .propose(request)
      .then(
        () => ended?.(),
        (error: unknown) => {
          this.#options.logger.debug({ what, error: String(error) }, "own proposal failed");
          ended?.(error);
        },
      )
      .finally(() => this.#underWay.delete(what));
  }
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, i) => text === right[i]);
}
