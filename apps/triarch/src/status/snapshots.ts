// What the store knows of its scheduled snapshots, and the line that `triarch status` shows of it.
import { utf8 } from "@triarch/base";
import type { EtcdClient } from "@triarch/etcd-grpc";
import {
  decodeLast,
  decodeSchedule,
  lastSnapshotKey,
  snapshotScheduleKey,
  type LastSnapshot,
  type SnapshotSchedule,
} from "@triarch/etcd-server";
import { durationText } from "../output/units.ts";

export interface ScheduleReport {
  readonly schedule: SnapshotSchedule | undefined;
  readonly last: LastSnapshot | undefined;
}

/** What is set in the store; one that is only in the masters' configuration shows in `last`. */
export async function readSchedule(client: Pick<EtcdClient, "range">): Promise<ScheduleReport> {
  const read = async (key: string): Promise<Uint8Array | undefined> =>
    (await client.range({ key: utf8(key) })).kvs[0]?.value;
  const [set, last] = await Promise.all([read(snapshotScheduleKey), read(lastSnapshotKey)]);
  return { schedule: set === undefined ? undefined : decodeSchedule(set), last: decodeLast(last) };
}

/** One line for `triarch status`. @returns undefined when there is nothing to tell */
export function snapshotLine({ schedule, last }: ScheduleReport, nowMs: number): string | undefined {
  if (schedule === undefined && last === undefined) return undefined;
  const every = schedule === undefined ? "not set here" : `every ${durationText(schedule.intervalMs)}`;
  if (last === undefined) return `${every}, none taken yet`;
  const good = last.goodAtMs === undefined ? "never" : `${durationText(nowMs - last.goodAtMs)} ago`;
  if (last.error !== undefined) return `${every}, the last one FAILED: ${last.error}; last good one: ${good}`;
  return `${every}, last ${good} by ${last.member}: revision ${last.revision ?? 0}, verified`;
}
