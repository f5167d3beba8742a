/**
 * Snapshots by schedule, as decisions without effects: when the next one is due, how files are called, which old ones
 * go. The schedule and the last result are two keys of the store itself, so every master knows them, whoever leads.
 */
import { utf8, utf8Text } from "@triarch/base";

export const snapshotScheduleKey = "/triarch/snapshots/schedule";
export const lastSnapshotKey = "/triarch/snapshots/last";

export interface SnapshotSchedule {
  readonly intervalMs: number;
  /** Absolute; on the machine of the member that leads. */
  readonly directory: string;
  /** Newest files that stay, whatever their age; at least 1. */
  readonly keepCount: number;
  /** Older files go, but for the newest; absent: age does not matter. */
  readonly keepAgeMs?: number;
  /** Absolute; with it files are encrypted. It must be there on every master. */
  readonly keyFile?: string;
}

export interface LastSnapshot {
  readonly atMs: number;
  /** Name of the member that led. */
  readonly member: string;
  /** Absent: it went well. */
  readonly error?: string;
  readonly file?: string;
  readonly revision?: number;
  readonly sizeBytes?: number;
  /** HashKV of the restored copy, equal to the store's. */
  readonly hash?: number;
  readonly durationMs: number;
  /** When the last good one was begun; absent: there is none. */
  readonly goodAtMs?: number;
}

export const intervalMsMin = 10_000;
/** After a failure the next try comes so much later, or after the interval if that is shorter. */
export const retryAfterFailureMs = 60_000;

/** @throws RangeError saying what is wrong */
export function checkSchedule(schedule: SnapshotSchedule): SnapshotSchedule {
  const { intervalMs, directory, keepCount, keepAgeMs, keyFile } = schedule;
  const wrong = (what: string): never => {
    throw new RangeError(`snapshot schedule: ${what}`);
  };
  if (!Number.isSafeInteger(intervalMs) || intervalMs < intervalMsMin) {
    wrong(`the interval must be at least ${intervalMsMin / 1000} s`);
  }
  if (typeof directory !== "string" || !directory.startsWith("/")) wrong("the directory must be an absolute path");
  if (!Number.isSafeInteger(keepCount) || keepCount < 1) wrong("at least one snapshot must be kept");
  if (keepAgeMs !== undefined && (!Number.isSafeInteger(keepAgeMs) || keepAgeMs < intervalMs)) {
    wrong("snapshots must be kept for at least one interval");
  }
  if (keyFile !== undefined && !keyFile.startsWith("/")) wrong("the key file must be an absolute path");
  return schedule;
}

/** `undefined`: stopped by hand, which also holds against a configured schedule. */
export function encodeSchedule(schedule: SnapshotSchedule | undefined): Uint8Array {
  return utf8(JSON.stringify(schedule ?? { stopped: true }));
}

/** @returns undefined: stopped. @throws RangeError | SyntaxError when it is none */
export function decodeSchedule(value: Uint8Array): SnapshotSchedule | undefined {
  const parsed = JSON.parse(utf8Text(value)) as SnapshotSchedule & { readonly stopped?: boolean };
  return parsed.stopped === true ? undefined : checkSchedule(parsed);
}

export function encodeLast(last: LastSnapshot): Uint8Array {
  return utf8(JSON.stringify(last));
}

/** @returns undefined when there is none that can be read: then one is due */
export function decodeLast(value: Uint8Array | undefined): LastSnapshot | undefined {
  try {
    return value === undefined ? undefined : (JSON.parse(utf8Text(value)) as LastSnapshot);
  } catch {
    return undefined;
  }
}

/** @returns when the next snapshot is due; with none so far that is at once */
export function nextDueMs({ intervalMs }: SnapshotSchedule, last: LastSnapshot | undefined): number {
  if (last === undefined) return 0;
  return last.atMs + (last.error === undefined ? intervalMs : Math.min(intervalMs, retryAfterFailureMs));
}

export interface SavedSnapshot {
  readonly name: string;
  readonly atMs: number;
  readonly revision: number;
  readonly encrypted: boolean;
}

const namePattern = /^triarch-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z-r(\d{1,16})\.db(\.sealed)?$/;

/** In the order of time, too. */
export function snapshotName({ atMs, revision, encrypted }: Omit<SavedSnapshot, "name">): string {
  const time = new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `triarch-${time}-r${revision}.db${encrypted ? ".sealed" : ""}`;
}

/** @returns undefined for a file that is not ours: it is never touched */
export function parseSnapshotName(name: string): SavedSnapshot | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second, revision] = match.slice(1, 8).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const atMs = Date.UTC(year, month - 1, day, hour, minute, second);
  return { name, atMs, revision, encrypted: match[8] !== undefined };
}

/** Which files go. The newest always stays: an old snapshot is better than none. */
export function expired(names: readonly string[], schedule: SnapshotSchedule, nowMs: number): readonly string[] {
  const newestFirst = names
    .map(parseSnapshotName)
    .filter((saved) => saved !== undefined)
    .sort((left, right) => right.atMs - left.atMs || right.revision - left.revision);
  return newestFirst
    .filter(({ atMs }, i) => i >= schedule.keepCount || (i > 0 && nowMs - atMs > (schedule.keepAgeMs ?? Infinity)))
    .map(({ name }) => name);
}
