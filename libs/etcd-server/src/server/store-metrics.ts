/** Figures of the store that nobody else measures: read when the registry is asked, at no cost otherwise. */
import { Gauge, type Registry } from "@triarch/telemetry";
import type { SnapshotReport } from "../snapshot/snapshot-scheduler.ts";
import type { SpaceGuard } from "./space-guard.ts";

export function registerStoreMetrics(
  registry: Registry,
  sources: {
    readonly guard: SpaceGuard;
    readonly snapshots: { readonly report: SnapshotReport };
    readonly corruption: { readonly rounds: number };
  },
): void {
  const { guard, snapshots, corruption } = sources;
  /** @param value undefined: not known, not shown */
  const gauge = (name: string, help: string, value: () => number | undefined): void => {
    const made: Gauge = new Gauge({
      name: `triarch_store_${name}`,
      help,
      registers: [registry],
      collect: () => {
        const now = value();
        if (now === undefined) made.reset();
        else made.set(now);
      },
    });
  };
  gauge("database_bytes", "size of the database's files", () => guard.reading?.databaseBytes);
  gauge("quota_bytes", "size at which writes are refused", () => guard.quotaBytes);
  gauge("disk_free_bytes", "free space on the database's file system", () => guard.reading?.freeBytes);
  gauge("space_warning", "1 from four fifths of the quota on", () => (guard.isWarning ? 1 : 0));
  gauge("hash_comparisons", "comparisons of all members' data by this member", () => corruption.rounds);
  gauge("snapshot_scheduled", "1 when snapshots are taken by schedule", () =>
    snapshots.report.schedule === undefined ? 0 : 1,
  );
  gauge("snapshot_last_success_timestamp_seconds", "when the last good scheduled snapshot was begun", () =>
    seconds(snapshots.report.last?.goodAtMs),
  );
  gauge("snapshot_last_attempt_timestamp_seconds", "when the last scheduled snapshot was begun", () =>
    seconds(snapshots.report.last?.atMs),
  );
  gauge("snapshot_last_ok", "1: the last scheduled snapshot was saved and verified, 0: it failed", () => {
    const { last } = snapshots.report;
    return last === undefined ? undefined : last.error === undefined ? 1 : 0;
  });
  gauge("snapshot_last_size_bytes", "size of the last good scheduled snapshot's file", () => {
    return snapshots.report.last?.sizeBytes;
  });
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
