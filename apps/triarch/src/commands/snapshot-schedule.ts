// `triarch snapshot schedule` and `triarch snapshot list`. The schedule is a key of the store: any member takes it, and
// the one that leads carries it out.
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { utf8 } from "@triarch/base";
import { connectEtcd, type EtcdClient } from "@triarch/etcd-grpc";
import {
  checkSchedule,
  encodeSchedule,
  nextDueMs,
  parseDurationMs,
  readSnapshotKey,
  savedSnapshots,
  snapshotScheduleKey,
  type LastSnapshot,
  type SnapshotSchedule,
} from "@triarch/etcd-server";
import { clusterPaths, requireClusterSpec } from "../cluster/cluster-spec.ts";
import { CommandFailure, messageOf } from "../errors.ts";
import { bytesText, durationText } from "../output/units.ts";
import { renderTable } from "../output/table.ts";
import { etcdTls, memberStatuses } from "../status/collect.ts";
import { readSchedule } from "../status/snapshots.ts";

export interface SnapshotScheduleOptions {
  readonly dataDir: string;
  readonly every?: string;
  readonly directory?: string;
  readonly keep?: string;
  readonly keepAge?: string;
  readonly keyFile?: string;
  readonly stop?: boolean;
  readonly output?: "json";
}

/** Kept when nothing else is said. */
const keepDefault = 24;

/** With `--every` sets the schedule, with `--stop` ends it; then, and otherwise, shows it. */
export async function snapshotScheduleCommand(options: SnapshotScheduleOptions): Promise<number> {
  const paths = clusterPaths(options.dataDir);
  const wanted = options.stop === true ? undefined : await wantedSchedule(options, join(paths.root, "snapshots"));
  if (options.stop === true && options.every !== undefined) {
    throw new CommandFailure("--stop and --every exclude each other", { exitCode: 2 });
  }
  return withMember(options.dataDir, async (client) => {
    if (options.stop === true || wanted !== undefined) {
      await client.put({ key: utf8(snapshotScheduleKey), value: encodeSchedule(wanted) });
    }
    const { schedule, last } = await readSchedule(client);
    console.log(
      options.output === "json" ? JSON.stringify({ schedule, last }, undefined, 2) : renderSchedule(schedule, last),
    );
    return 0;
  });
}

/** Newest first. */
export async function snapshotListCommand(options: {
  readonly dataDir: string;
  readonly directory?: string;
  readonly output?: "json";
}): Promise<number> {
  const directory = resolve(options.directory ?? (await scheduledDirectory(options.dataDir)));
  const saved = await savedSnapshots(directory);
  const files = await Promise.all(
    saved.map(async (one) => ({
      ...one,
      file: join(directory, one.name),
      sizeBytes: (await stat(join(directory, one.name))).size,
    })),
  );
  if (options.output === "json") {
    console.log(JSON.stringify(files, undefined, 2));
  } else if (files.length === 0) {
    console.log(`No snapshots in ${directory}.`);
  } else {
    const rows = files.map(({ name, atMs, revision, sizeBytes, encrypted }) => [
      ...[name, new Date(atMs).toISOString(), durationText(Date.now() - atMs), String(revision)],
      ...[bytesText(sizeBytes), encrypted ? "yes" : "no"],
    ]);
    console.log(renderTable(["NAME", "TIME", "AGE", "REVISION", "SIZE", "ENCRYPTED"], rows));
  }
  return 0;
}

async function wantedSchedule(
  options: SnapshotScheduleOptions,
  directoryDefault: string,
): Promise<SnapshotSchedule | undefined> {
  const { every, directory, keep, keepAge, keyFile } = options;
  if (every === undefined) {
    const alone = Object.entries({ directory, keep, "keep-age": keepAge, "key-file": keyFile }).find(([, set]) => set);
    if (alone !== undefined) throw new CommandFailure(`--${alone[0]} needs --every`, { exitCode: 2 });
    return undefined;
  }
  try {
    if (keyFile !== undefined) await readSnapshotKey(resolve(keyFile));
    return checkSchedule({
      intervalMs: duration(every, "--every"),
      directory: resolve(directory ?? directoryDefault),
      keepCount: keep === undefined ? keepDefault : Number(keep),
      ...(keepAge === undefined ? {} : { keepAgeMs: duration(keepAge, "--keep-age") }),
      ...(keyFile === undefined ? {} : { keyFile: resolve(keyFile) }),
    });
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(messageOf(error), { exitCode: 2, remedy: "nothing was changed", cause: error });
  }
}

function duration(text: string, option: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new CommandFailure(`${option} "${text}" is not a duration such as 30m, 6h or 7d`, { exitCode: 2 });
}

async function scheduledDirectory(dataDir: string): Promise<string> {
  const fallback = join(clusterPaths(dataDir).root, "snapshots");
  try {
    return await withMember(dataDir, async (client) => (await readSchedule(client)).schedule?.directory ?? fallback);
  } catch {
    return fallback; // files can be listed without a cluster
  }
}

async function withMember<T>(dataDir: string, run: (client: EtcdClient) => Promise<T>): Promise<T> {
  const paths = clusterPaths(dataDir);
  const members = await memberStatuses(await requireClusterSpec(paths), paths, [], []);
  const member = members.find((one) => one.role === "leader") ?? members.find((one) => one.role !== "unreachable");
  if (member === undefined) {
    throw new CommandFailure("no member answers", { remedy: "is the cluster running? see `triarch status`" });
  }
  const client = connectEtcd({ url: member.etcdUrl, tls: await etcdTls(paths) });
  try {
    return await run(client);
  } finally {
    await client.close();
  }
}

function renderSchedule(schedule: SnapshotSchedule | undefined, last: LastSnapshot | undefined): string {
  const time = (ms: number): string => new Date(ms).toISOString();
  const rows: [string, string][] = [];
  if (schedule === undefined) {
    rows.push(["schedule", "none; set one with --every"]);
  } else {
    rows.push(["every", durationText(schedule.intervalMs)], ["directory", schedule.directory]);
    rows.push(["keep", String(schedule.keepCount)]);
    if (schedule.keepAgeMs !== undefined) rows.push(["keep at most", durationText(schedule.keepAgeMs)]);
    rows.push(["key file", schedule.keyFile ?? "none: not encrypted"]);
    const due = nextDueMs(schedule, last);
    rows.push(["next", due <= Date.now() ? "now" : time(due)]);
  }
  if (last !== undefined) {
    rows.push(["last", `${time(last.atMs)} by ${last.member}`]);
    rows.push(["result", last.error === undefined ? "saved and verified" : `FAILED: ${last.error}`]);
    if (last.file !== undefined) rows.push(["file", last.file], ["revision", String(last.revision)]);
    rows.push(["last good", last.goodAtMs === undefined ? "never" : time(last.goodAtMs)]);
  }
  return renderTable(["SNAPSHOTS", ""], rows);
}
