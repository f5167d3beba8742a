import { AlarmAction, AlarmType, type InternalRaftRequestInit } from "@triarch/etcd-proto";
import type { Logger } from "@triarch/telemetry";
import type { AppliedWaiter } from "./applied-waiter.ts";
import type { ReplicatedState } from "./applier.ts";
import type { Consensus } from "./consensus.ts";
import type { LeaderWaiter } from "./leader-waiter.ts";
import { revokesPerSweepMax, sweepIntervalMs } from "./limits.ts";
import type { Maintenance } from "./maintenance.ts";
import type { PendingProposals } from "./pending-proposals.ts";
import type { Proposer } from "./proposer.ts";

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
  readonly maintenance: Maintenance;
  readonly quotaBytes: number;
  /** Added to each lease when this member starts to lead: what the election may have taken. */
  readonly leaseExtensionMs: number;
  /** 0: never. */
  readonly autoCompactionIntervalMs: number;
  readonly logger: Logger;
}

/**
 * What a member does unasked, on two timers of its own: ends requests that waited too long; on the leader revokes
 * expired leases, notes what is left of long ones, and compacts history older than one to two intervals; tells the
 * cluster its own name and client URLs; raises NOSPACE when the database has outgrown its quota.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #sweeper: NodeJS.Timeout;
  readonly #compactor: NodeJS.Timeout | undefined;
  readonly #stopLeaderWatch: () => void;
  #compactRevision = 0;
  /** Proposals of each kind go one at a time; the next sweep looks again. */
  readonly #underWay = new Set<string>();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    const { consensus, autoCompactionIntervalMs } = options;
    this.#stopLeaderWatch = consensus.onLeaderChange(() => this.#followLeadership());
    this.#followLeadership();
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs);
    if (autoCompactionIntervalMs > 0) {
      this.#compactor = setInterval(() => this.#compact(), autoCompactionIntervalMs);
    }
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
    this.#watchQuota();
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

  #watchQuota(): void {
    const { maintenance, quotaBytes, state, memberId, logger } = this.#options;
    maintenance.measure().then(
      (sizeBytes) => {
        const raised = state.alarms.list(AlarmType.noSpace).some((alarm) => alarm.memberId === memberId);
        if (sizeBytes < quotaBytes || raised) return;
        logger.warn(
          { sizeBytes, quotaBytes },
          "the database has reached its quota; writes are refused until space is freed",
        );
        this.#propose("alarm", { alarm: { action: AlarmAction.activate, memberId, alarm: AlarmType.noSpace } });
      },
      (error: unknown) => logger.warn({ error: String(error) }, "measuring the database failed"),
    );
  }

  /** Every member remembers the revision, so that a new leader knows one too. */
  #compact(): void {
    const { consensus, state } = this.#options;
    const revision = this.#compactRevision;
    this.#compactRevision = state.mvcc.revision;
    if (consensus.isLeader && revision > state.mvcc.compactRevision && revision > 1) {
      this.#propose("compaction", { compaction: { revision, physical: false } });
    }
  }

  #propose(what: string, request: InternalRaftRequestInit): void {
    if (this.#underWay.has(what)) return;
    this.#underWay.add(what);
    this.#options.proposer
      .propose(request)
      .catch((error: unknown) => this.#options.logger.debug({ what, error: String(error) }, "own proposal failed"))
      .finally(() => this.#underWay.delete(what));
  }
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, i) => text === right[i]);
}
