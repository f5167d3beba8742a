// Is this member well? `/health` as etcd has had it, `/livez` and `/readyz` check by check. Source: etcd
// server/etcdserver/api/etcdhttp/health.go.
import { AlarmAction, AlarmType } from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { isServing } from "./health-service.ts";

type Probed = Pick<EtcdServer, "alarm" | "isLearner" | "leaderId" | "range" | "readBarrier">;

/** Resolves when all is well, rejects with what is not. */
type Check = (server: Probed) => Promise<void>;

const checks = {
  data_corruption: async (server) => {
    const { alarms } = await server.alarm({ action: AlarmAction.get, memberId: 0n, alarm: AlarmType.corrupt });
    if (alarms.length > 0) throw new Error("alarm activated: CORRUPT");
  },
  serializable_read: async (server) => {
    await server.range({ key: new Uint8Array(1), serializable: true, keysOnly: true, limit: 1 });
  },
  linearizable_read: async (server) => {
    if (!isServing(server)) throw new Error("etcdserver: no leader");
    await server.readBarrier();
  },
  non_learner: async (server) => {
    if (server.isLearner()) throw new Error("this member is a learner");
  },
} satisfies Readonly<Record<string, Check>>;
type CheckName = keyof typeof checks;

/** A process that fails these should be started anew; one that fails those should get no requests. */
export const probes: Readonly<Record<"livez" | "readyz", readonly CheckName[]>> = {
  livez: ["serializable_read"],
  readyz: ["data_corruption", "serializable_read", "linearizable_read", "non_learner"],
};

export interface ProbeReport {
  readonly ok: boolean;
  /** A line for each check. */
  readonly text: string;
}

export async function runChecks(server: Probed, names: readonly string[]): Promise<ProbeReport> {
  const lines = await Promise.all(
    names.map(async (name) => {
      const check = (checks as Readonly<Record<string, Check>>)[name];
      try {
        await check?.(server);
        return { ok: true, text: `[+]${name} ok\n` };
      } catch (error) {
        return { ok: false, text: `[-]${name} failed: ${error instanceof Error ? error.message : String(error)}\n` };
      }
    }),
  );
  return { ok: lines.every(({ ok }) => ok), text: lines.map(({ text }) => text).join("") };
}

/** @returns why this member is not healthy; empty when it is */
export async function unhealthyReason(
  server: Probed,
  options: { readonly serializable: boolean; readonly excludedAlarms: readonly string[] },
): Promise<string> {
  const { alarms } = await server.alarm({ action: AlarmAction.get, memberId: 0n, alarm: AlarmType.none });
  const names = alarms.map(({ alarm }) => (alarm === AlarmType.noSpace ? "NOSPACE" : "CORRUPT"));
  const alarm = names.find((name) => !options.excludedAlarms.includes(name));
  if (alarm !== undefined) return `ALARM ${alarm}`;
  if (!options.serializable && !isServing(server)) return "RAFT NO LEADER";
  const read = { key: new Uint8Array(1), keysOnly: true, limit: 1, serializable: options.serializable };
  try {
    await server.range(read);
    return "";
  } catch (error) {
    return `RANGE ERROR:${error instanceof Error ? error.message : String(error)}`;
  }
}
