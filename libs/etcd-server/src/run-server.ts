import { randomInt } from "node:crypto";
import type { Rng } from "@triarch/base";
import type { RaftNode, RaftTiming } from "@triarch/raft-node";
import type { Identity } from "./members/identity.ts";
import { memberIdText } from "./members/member-ids.ts";
import { MembershipRequests } from "./members/membership-requests.ts";
import type { Local } from "./open-local.ts";
import { autoCompactionDefault } from "./server/auto-compaction.ts";
import { CorruptionMonitor } from "./server/corruption-monitor.ts";
import { Housekeeping } from "./server/housekeeping.ts";
import { LeaseRequests } from "./server/lease-requests.ts";
import { hashCheckIntervalMs, quotaBytesDefault } from "./server/limits.ts";
import { Maintenance } from "./server/maintenance.ts";
import { Proposer } from "./server/proposer.ts";
import { Reads } from "./server/reads.ts";
import { ReplicatedServer } from "./server/replicated-server.ts";
import { SpaceGuard } from "./server/space-guard.ts";
import { SpaceKeeper } from "./server/space-keeper.ts";
import { registerStoreMetrics } from "./server/store-metrics.ts";
import { checkSchedule } from "./snapshot/schedule.ts";
import { SnapshotScheduler } from "./snapshot/snapshot-scheduler.ts";
import type { RunningStore, StoreOptions } from "./start-store.ts";

/** Everything that answers clients and looks after the member while it runs. */
export function runServer(options: StoreOptions, identity: Identity, local: Local, node: RaftNode): RunningStore {
  const { logger, name } = options;
  const { memberId, clusterId } = identity;
  const { state, flusher, pending, applied, leader, watches, compactions } = local;
  const quotaBytes = options.quotaBytes ?? quotaBytesDefault;
  const shared = { ...local, memberId, name, consensus: node, quotaBytes, logger };
  const reads = new Reads({ ...shared, mvcc: state.mvcc });
  const proposer = new Proposer(shared);
  const maintenance = new Maintenance(shared);
  const guard = new SpaceGuard({ quotaBytes, clock: local.clock });
  const space = new SpaceKeeper({ ...shared, guard, maintenance });
  const housekeeping = new Housekeeping({
    ...shared,
    proposer,
    space,
    clientUrls: options.clientUrls ?? [],
    leaseExtensionMs: electionTimeoutMs(options.timing),
    autoCompaction: options.autoCompaction ?? autoCompactionDefault,
  });
  const corruption = new CorruptionMonitor({
    ...shared,
    proposer,
    reads,
    intervalMs: options.hashCheckIntervalMs ?? hashCheckIntervalMs,
  });
  const snapshots = new SnapshotScheduler({
    ...shared,
    proposer,
    store: {
      hashKv: () => state.mvcc.hashKv(0),
      snapshot: () => maintenance.snapshot(state.mvcc.revision),
    },
    configured: options.snapshotSchedule === undefined ? undefined : checkSchedule(options.snapshotSchedule),
  });
  if (options.registry !== undefined) registerStoreMetrics(options.registry, { guard, snapshots, corruption });
  compactions.start(); // one that a crash cut short

  const close = async (): Promise<void> => {
    await node.stop({ handOver: true });
    await local.machine.close();
    housekeeping.close();
    local.removal.close();
    corruption.close();
    await snapshots.close();
    for (const waiting of [pending, applied, leader]) waiting.failAll({ code: "stopped" });
    watches.close();
    await local.clientAuth.passwords.close();
    await compactions.stop();
    try {
      await flusher.flush();
    } catch (error) {
      logger.error({ error: String(error) }, "the last rows were not written; the log still has them");
    }
    await local.database.close();
  };
  const members = new MembershipRequests({
    ...{ ...shared, reads, membership: state.membership, clusterToken: options.clusterToken },
    nextRequestId: () => proposer.nextRequestId(),
    handOverLeadership: () => maintenance.handOverLeadership(),
  });
  const leases = new LeaseRequests({ ...shared, lessor: state.lessor, proposer, rng: cryptoRng });
  const server = new ReplicatedServer({
    ...shared,
    clusterId,
    proposer,
    reads,
    leases,
    members,
    maintenance,
    space,
    close,
  });
  const { index, term, revision } = local.machine.position;
  const ids = { member: memberIdText(memberId), cluster: memberIdText(clusterId) };
  logger.info({ ...ids, index, term, revision }, "store started");
  return { server, clusterId, memberId, peerAddress: node.peerAddress, close: () => server.close() };
}

/** Lease ids must not repeat over members and restarts: these numbers come from the operating system. */
const cryptoRng: Rng = { next: () => randomInt(2 ** 47) / 2 ** 47, int: (bound) => randomInt(bound) };

/** Raft's defaults: 10 ticks of 50 ms. */
function electionTimeoutMs(timing: Partial<RaftTiming> | undefined): number {
  return (timing?.electionTicks ?? 10) * (timing?.tickMs ?? 50);
}
