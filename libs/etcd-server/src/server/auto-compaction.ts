/**
 * When history is compacted unasked, and up to where, as etcd's flags `--auto-compaction-mode` and
 * `--auto-compaction-retention` have it. A decision without effects: the caller looks every `lookIntervalMs` and
 * proposes what it is told, on the leader only. Every member looks, so that a new leader knows the past revisions.
 *
 * Periodic: revisions are noted ten times per period (per hour for longer ones); what is older than the period goes,
 * once per period or hour. So between one and two periods of history stay. By revision: every five minutes all but the
 * newest `retentionRevisions`.
 * Source: etcd server/etcdserver/api/v3compactor.
 */

export type AutoCompactionPolicy =
  | { readonly mode: "off" }
  | { readonly mode: "periodic"; readonly retentionMs: number }
  | { readonly mode: "revision"; readonly retentionRevisions: number };

export interface AutoCompactor {
  /** 0: there is nothing to look for. */
  readonly lookIntervalMs: number;
  /** @returns the revision to compact to, if it is time; the same may come again until `compacted` */
  look(at: { readonly nowMs: number; readonly revision: number; readonly leads: boolean }): number | undefined;
  /** It was done, or had been done before. */
  compacted(revision: number, nowMs: number): void;
}

const hourMs = 60 * 60 * 1000;
const revisionIntervalMs = 5 * 60 * 1000;
const looksPerInterval = 10;

/** Kubernetes' own interval. */
export const autoCompactionDefault: AutoCompactionPolicy = { mode: "periodic", retentionMs: 5 * 60 * 1000 };

/** @param startMs now, by the clock that `look` is given */
export function autoCompactor(policy: AutoCompactionPolicy, startMs: number): AutoCompactor {
  switch (policy.mode) {
    case "off":
      return { lookIntervalMs: 0, look: () => undefined, compacted: () => undefined };
    case "periodic":
      return new PeriodicCompactor(policy.retentionMs, startMs);
    case "revision":
      return new RevisionCompactor(policy.retentionRevisions);
  }
}

/**
 * Reads the two flags. Periodic retentions are durations as Go writes them ("72h", "5m30s"), or hours.
 * @throws RangeError saying what is wrong
 */
export function parseAutoCompaction(mode: string, retention: string): AutoCompactionPolicy {
  if (mode !== "periodic" && mode !== "revision") {
    throw new RangeError(`auto-compaction mode "${mode}" is neither periodic nor revision`);
  }
  if (retention === "0" || retention === "") return { mode: "off" };
  if (mode === "revision") {
    if (!/^[0-9]{1,15}$/.test(retention)) throw new RangeError(`"${retention}" is not a number of revisions`);
    return { mode, retentionRevisions: Number(retention) };
  }
  const retentionMs = /^[0-9]{1,6}$/.test(retention) ? Number(retention) * hourMs : parseDurationMs(retention);
  if (retentionMs === undefined || retentionMs < 1_000) {
    throw new RangeError(
      `"${retention}" is not a duration of a second or more, such as 72h or 5m, nor a number of hours`,
    );
  }
  return { mode, retentionMs };
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: hourMs, d: 24 * hourMs };

/** @returns undefined when `text` is no duration such as "90s", "5m30s", "36h" or "7d" */
export function parseDurationMs(text: string): number | undefined {
  if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, value, unit] of text.matchAll(/([0-9.]+)(ms|s|m|h|d)/g)) {
    totalMs += Number(value) * (unitsMs[unit ?? ""] ?? Number.NaN);
  }
  return Number.isFinite(totalMs) ? totalMs : undefined;
}

class PeriodicCompactor implements AutoCompactor {
  readonly lookIntervalMs: number;
  readonly #intervalMs: number;
  readonly #kept: number;
  readonly #revisions: number[] = [];
  #lastMs: number;
  #lastRevision = 0;
  /** The first time waits for a whole period. */
  #waitMs: number;

  constructor(retentionMs: number, startMs: number) {
    this.#intervalMs = Math.min(retentionMs, hourMs);
    this.lookIntervalMs = this.#intervalMs / looksPerInterval;
    this.#kept = Math.floor(retentionMs / this.lookIntervalMs) + 1;
    this.#lastMs = startMs;
    this.#waitMs = retentionMs;
  }

  look({ nowMs, revision, leads }: Parameters<AutoCompactor["look"]>[0]): number | undefined {
    this.#revisions.push(revision);
    if (this.#revisions.length > this.#kept) this.#revisions.shift();
    const oldest = this.#revisions[0] ?? 0;
    // Timers may fire a little early: half a look's time is of no matter here.
    const due = nowMs - this.#lastMs >= this.#waitMs - this.lookIntervalMs / 2;
    return leads && due && oldest > this.#lastRevision ? oldest : undefined;
  }

  compacted(revision: number, nowMs: number): void {
    this.#lastRevision = revision;
    this.#lastMs = nowMs;
    this.#waitMs = this.#intervalMs;
  }
}

class RevisionCompactor implements AutoCompactor {
  readonly lookIntervalMs = revisionIntervalMs;
  readonly #retentionRevisions: number;
  #lastRevision = 0;

  constructor(retentionRevisions: number) {
    this.#retentionRevisions = retentionRevisions;
  }

  look({ revision, leads }: Parameters<AutoCompactor["look"]>[0]): number | undefined {
    const upTo = revision - this.#retentionRevisions;
    return leads && upTo > 0 && upTo !== this.#lastRevision ? upTo : undefined;
  }

  compacted(revision: number): void {
    this.#lastRevision = revision;
  }
}
