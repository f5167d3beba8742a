import { utf8, type Clock } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";
import type { ReplicatedState } from "../server/applier.ts";
import type { Consensus } from "../server/consensus.ts";
import type { Proposer } from "../server/proposer.ts";
import {
  decodeLast,
  decodeSchedule,
  encodeLast,
  lastSnapshotKey,
  nextDueMs,
  snapshotScheduleKey,
  type LastSnapshot,
  type SnapshotSchedule,
} from "./schedule.ts";
import { takeScheduledSnapshot, type SnapshotStore } from "./scheduled-snapshot.ts";

const lookIntervalMs = 1_000;
/** A run that takes longer is called off and counts as failed. */
const runMsMax = 60 * 60 * 1000;

export interface SnapshotSchedulerOptions {
  readonly name: string;
  readonly state: ReplicatedState;
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly store: SnapshotStore;
  readonly clock: Clock;
  /** Holds until somebody sets or stops one in the store. */
  readonly configured: SnapshotSchedule | undefined;
  readonly logger: Logger;
}

/** What the schedule is and how it went last, as every member knows it. */
export interface SnapshotReport {
  readonly schedule: SnapshotSchedule | undefined;
  readonly last: LastSnapshot | undefined;
}

/** Takes snapshots when they are due, on the leader only. One at a time; a new leader begins where the old one ended. */
export class SnapshotScheduler {
  readonly #options: SnapshotSchedulerOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #stopLeaderWatch: () => void;
  #run: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;
  /** Known here even when it could not be stored, so that a store without space is not asked again at once. */
  #last: LastSnapshot | undefined;
  #complained = "";

  constructor(options: SnapshotSchedulerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), lookIntervalMs);
    this.#stopLeaderWatch = options.consensus.onLeaderChange(() => {
      if (!options.consensus.isLeader) this.#run?.abort.abort(new Error("this member leads no longer"));
    });
  }

  /** Calls off what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopLeaderWatch();
    this.#run?.abort.abort(new Error("the store stops"));
    await this.#run?.ended;
  }

  get report(): SnapshotReport {
    const set = this.#read(snapshotScheduleKey);
    let schedule = this.#options.configured;
    try {
      if (set !== undefined) schedule = decodeSchedule(set);
      this.#complained = "";
    } catch (error) {
      schedule = undefined;
      this.#complain(`the snapshot schedule cannot be read, no snapshots are taken: ${String(error)}`);
    }
    const stored = decodeLast(this.#read(lastSnapshotKey));
    const newer = this.#last !== undefined && this.#last.atMs > (stored?.atMs ?? 0);
    return { schedule, last: newer ? this.#last : stored };
  }

  /** Begins a run if one is due. */
  look(): void {
    const { consensus, clock } = this.#options;
    if (!consensus.isLeader || this.#run !== undefined) return;
    const { schedule, last } = this.report;
    if (schedule === undefined || clock.nowMs() < nextDueMs(schedule, last)) return;
    const abort = new AbortController();
    const ended = this.#take(schedule, last, abort.signal).finally(() => (this.#run = undefined));
    this.#run = { abort, ended };
  }

  async #take(schedule: SnapshotSchedule, before: LastSnapshot | undefined, signal: AbortSignal): Promise<void> {
    const { name, clock, logger, store } = this.#options;
    const atMs = clock.nowMs();
    const startMs = clock.monotonicMs();
    const base = (): { atMs: number; member: string; durationMs: number } => ({
      ...{ atMs, member: name },
      durationMs: Math.round(clock.monotonicMs() - startMs),
    });
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(runMsMax)]);
    let last: LastSnapshot;
    try {
      const taken = await takeScheduledSnapshot({ schedule, store, member: name, atMs, signal: bounded });
      const { file, revision, sizeBytes, hash } = taken;
      last = { ...base(), file, revision, sizeBytes, hash, goodAtMs: atMs };
      logger.info({ ...last, removed: taken.removed }, "snapshot saved and verified");
    } catch (error) {
      if (signal.aborted) return logger.info({ reason: String(signal.reason) }, "a snapshot was called off");
      const text = error instanceof Error ? error.message : String(error);
      const goodAtMs = before?.goodAtMs;
      last = { ...base(), error: text, ...(goodAtMs === undefined ? {} : { goodAtMs }) };
      logger.error({ error: text, directory: schedule.directory }, "the scheduled snapshot failed");
    }
    await this.#remember(last);
  }

  async #remember(last: LastSnapshot): Promise<void> {
    this.#last = last;
    try {
      await this.#options.proposer.propose({ put: { key: utf8(lastSnapshotKey), value: encodeLast(last) } });
    } catch (error) {
      this.#options.logger.warn({ error: String(error) }, "the result of the snapshot was not stored");
    }
  }

  #read(key: string): Uint8Array | undefined {
    return this.#options.state.mvcc.range({ key: utf8(key) }).kvs[0]?.value;
  }

  #complain(text: string): void {
    if (this.#complained !== text) this.#options.logger.error({}, text);
    this.#complained = text;
  }
}
