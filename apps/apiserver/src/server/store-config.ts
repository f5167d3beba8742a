// The section `store` of a master's configuration: how much space, how much history, how often the members compare
// their data, how clients that logged in are known, and snapshots by schedule. Everything has a default.
import { readFileSync } from "node:fs";
import {
  checkSchedule,
  parseAuthToken,
  parseAutoCompaction,
  parseDurationMs,
  type AutoCompactionPolicy,
  type SnapshotSchedule,
  type TokenOptions,
} from "@triarch/etcd-server";
import { UsageError } from "./usage-error.ts";

export interface StoreTuning {
  readonly quotaBytes?: number;
  readonly autoCompaction?: AutoCompactionPolicy;
  readonly hashCheckIntervalMs?: number;
  readonly snapshotSchedule?: SnapshotSchedule;
  readonly authTokens?: TokenOptions;
}

type Section = Readonly<Record<string, unknown>>;

const knownKeys = [
  "quotaBytes",
  "autoCompactionMode",
  "autoCompactionRetention",
  "hashCheckInterval",
  "authToken",
  "authTokenTtl",
  "snapshots",
] as const;
const knownSnapshotKeys = ["every", "directory", "keep", "keepAge", "keyFile"] as const;
const keepDefault = 24;

/** @param file for messages. @param at makes a path of the file absolute. @throws UsageError */
export function readStoreTuning(value: unknown, file: string, at: (path: string) => string): StoreTuning {
  if (value === undefined) return {};
  const fail = (path: string, why: string): never => {
    throw new UsageError(`${file}: store${path === "" ? "" : `.${path}`} ${why}`);
  };
  const section = (given: unknown, path: string, known: readonly string[]): Section => {
    if (typeof given !== "object" || given === null || Array.isArray(given)) return fail(path, "must be a map");
    const unknownKey = Object.keys(given).find((key) => !known.includes(key));
    if (unknownKey !== undefined) return fail(path, `has "${unknownKey}"; known are ${known.join(", ")}`);
    return given as Section;
  };
  const text = (given: Section, path: string): string | undefined => {
    const found = given[path.slice(path.lastIndexOf(".") + 1)];
    if (found === undefined) return undefined;
    return typeof found === "string" || typeof found === "number" ? String(found) : fail(path, "must be a text");
  };
  const count = (given: Section, path: string): number | undefined => {
    const found = given[path.slice(path.lastIndexOf(".") + 1)];
    if (found === undefined) return undefined;
    return typeof found === "number" && Number.isSafeInteger(found) && found > 0
      ? found
      : fail(path, "must be a whole number above 0");
  };
  const durationMs = (given: Section, path: string): number | undefined => {
    const found = text(given, path);
    if (found === undefined) return undefined;
    return parseDurationMs(found) ?? fail(path, `"${found}" is not a duration such as 30s, 1h or 7d`);
  };

  const store = section(value, "", knownKeys);
  const quotaBytes = count(store, "quotaBytes");
  const mode = text(store, "autoCompactionMode");
  const retention = text(store, "autoCompactionRetention");
  const hashCheckIntervalMs = durationMs(store, "hashCheckInterval");
  const autoCompaction =
    mode === undefined && retention === undefined
      ? undefined
      : attempt(
          () => parseAutoCompaction(mode ?? "periodic", retention ?? "0"),
          (why) => fail("autoCompactionRetention", why),
        );
  const authTokens = tokensOf(text(store, "authToken"), durationMs(store, "authTokenTtl"));
  const snapshots =
    store["snapshots"] === undefined ? undefined : section(store["snapshots"], "snapshots", knownSnapshotKeys);
  return {
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(autoCompaction === undefined ? {} : { autoCompaction }),
    ...(hashCheckIntervalMs === undefined ? {} : { hashCheckIntervalMs }),
    ...(authTokens === undefined ? {} : { authTokens }),
    ...(snapshots === undefined ? {} : { snapshotSchedule: scheduleOf(snapshots) }),
  };

  function tokensOf(given: string | undefined, ttlMs: number | undefined): TokenOptions | undefined {
    if (given === undefined && ttlMs === undefined) return undefined;
    const tokens = attempt(
      () => parseAuthToken(given ?? "simple", (path) => readFileSync(at(path), "utf8")),
      (why) => fail("authToken", why),
    );
    if (ttlMs === undefined) return tokens;
    return tokens.kind === "simple"
      ? { ...tokens, ttlMs }
      : fail("authTokenTtl", "is for simple tokens: give jwt a ttl=");
  }

  function scheduleOf(given: Section): SnapshotSchedule {
    const keepAgeMs = durationMs(given, "snapshots.keepAge");
    const keyFile = text(given, "snapshots.keyFile");
    const schedule = {
      intervalMs: durationMs(given, "snapshots.every") ?? fail("snapshots.every", "is missing"),
      directory: at(text(given, "snapshots.directory") ?? fail("snapshots.directory", "is missing")),
      keepCount: count(given, "snapshots.keep") ?? keepDefault,
      ...(keepAgeMs === undefined ? {} : { keepAgeMs }),
      ...(keyFile === undefined ? {} : { keyFile: at(keyFile) }),
    };
    return attempt(
      () => checkSchedule(schedule),
      (why) => fail("snapshots", why),
    );
  }
}

function attempt<T>(run: () => T, onWrong: (why: string) => never): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) return onWrong(`is wrong: ${error.message}`);
    throw error;
  }
}
