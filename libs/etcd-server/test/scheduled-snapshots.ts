// What tests of scheduled snapshots share: a wall clock that is stepped, the schedule's key, the result of a run.
import { systemClock, utf8, utf8Text, type Clock } from "@triarch/base";
import {
  encodeSchedule,
  lastSnapshotKey,
  snapshotScheduleKey,
  type EtcdServer,
  type LastSnapshot,
  type SnapshotSchedule,
} from "../src/index.ts";
import { nextLook } from "./local-cluster.ts";

/** The wall clock only; leases and timeouts go on as ever. */
export class SteppedClock implements Clock {
  stepMs = 0;

  nowMs(): number {
    return Date.UTC(2026, 10, 21) + this.stepMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }
}

export async function setSchedule(server: EtcdServer, schedule: SnapshotSchedule | undefined): Promise<void> {
  await server.put({ key: utf8(snapshotScheduleKey), value: encodeSchedule(schedule) });
}

/** The result of a run, once there is one from `atMs` or later. */
export async function resultFrom(server: EtcdServer, atMs: number): Promise<LastSnapshot> {
  for (;;) {
    const { kvs } = await server.range({ key: utf8(lastSnapshotKey), serializable: true });
    const last = kvs[0] === undefined ? undefined : (JSON.parse(utf8Text(kvs[0].value)) as LastSnapshot);
    if (last !== undefined && last.atMs >= atMs) return last;
    await nextLook();
  }
}
