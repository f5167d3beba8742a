/** What the Raft driver measures, as metrics: how late heartbeats are, how long the log's writes take. */
import type { RaftMeasures } from "@triarch/raft-node";
import { Histogram, type Registry } from "@triarch/telemetry";

const heartbeatDelayBuckets = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.4, 0.5, 1, 2,
];
const logWriteBuckets = [
  0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 1, 4,
];

export function raftMetrics(registry: Registry): RaftMeasures {
  const heartbeatDelay = new Histogram({
    name: "triarch_raft_heartbeat_delay_seconds",
    help: "how much later than due a heartbeat of the leader came, at a follower",
    buckets: heartbeatDelayBuckets,
    registers: [registry],
  });
  const logWrite = new Histogram({
    name: "etcd_disk_wal_fsync_duration_seconds",
    help: "time to write one batch to the log and to sync it",
    buckets: logWriteBuckets,
    registers: [registry],
  });
  return {
    heartbeatDelay: (ms) => heartbeatDelay.observe(ms / 1_000),
    logWrite: (ms) => logWrite.observe(ms / 1_000),
  };
}
