// API priority and fairness of one server: which request executes now, which waits, which is refused.
//
// classify -> arrive -> (a later call's result, or withdraw) -> finish -> (release)
//
// Pure: time comes in with each call, and what may start goes out as a list. The caller owns clocks and timers: it calls
// `adjust` each `adjustPeriodMs`, `withdraw` when a request has waited too long or its client is gone, and `release`
// `work.lingerMs` after a `finish` that left its ticket "lingering".
//
// I1: each arrival that executes is finished exactly once; the caller sees to it, the queue set asserts it.
// I2: what waits is at most `waitingMax` requests and `waitingBytesMax` bytes, and a level gets no more of them than the
//     others have left free: one level that is flooded leaves half, two leave a quarter each, and so on.
// I3: levels and schemas called "exempt" and "catch-all" are there after each `configure`; the caller passes them.
import { assert } from "@triarch/base";
import { inMatchingOrder, type FlowRequest, type FlowUser } from "./classification.ts";
import { catchAllName, exemptName, type FlowSchemaConfig, type PriorityLevelConfig } from "./configuration.ts";
import { FlowStats, type RefusalReason } from "./flow-stats.ts";
import { FlowSchemaState, PriorityLevel } from "./priority-level.ts";
import { QueueSet } from "./queue-set.ts";
import { allocateSeats, nominalLimits } from "./seat-limits.ts";
import { type Arrival, Ticket } from "./ticket.ts";
import { requestSeatsMaxOf } from "./work.ts";

/** As Kubernetes: demand is looked at, and seats are lent anew, this often. */
export const adjustPeriodMs = 10_000;

export interface FlowControllerOptions {
  /** Seats of all levels together. */
  readonly seatsTotal: number;
  /** Requests that wait, in all levels together; past it they are refused as if their queue were full. */
  readonly waitingMax: number;
  /** Memory that waiting requests hold, in all levels together; past it likewise. */
  readonly waitingBytesMax: number;
  /** Whatever differs from server to server: colliding flows then collide at one server only. 32 bits. */
  readonly hashSeed: number;
}

export class FlowController {
  readonly #options: FlowControllerOptions;
  readonly #levels = new Map<string, PriorityLevel>();
  readonly #stats = new Map<string, FlowStats>();
  #schemas: readonly FlowSchemaState[] = [];
  #waitingBytes = 0;
  #waiting = 0;
  #fairFraction = 0;

  constructor(options: FlowControllerOptions) {
    this.#options = options;
  }

  /** By name. */
  levels(): readonly PriorityLevel[] {
    return [...this.#levels.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** In the order in which they are asked. */
  get schemas(): readonly FlowSchemaState[] {
    return this.#schemas;
  }

  flowStats(): Iterable<FlowStats> {
    return this.#stats.values();
  }

  get fairFraction(): number {
    return this.#fairFraction;
  }

  /**
   * New rules. Schemas of levels that are not there are left out. A level that is no longer there serves what it has.
   * @returns what may start now
   */
  configure(
    schemas: readonly FlowSchemaConfig[],
    levels: readonly PriorityLevelConfig[],
    nowMs: number,
  ): readonly Ticket[] {
    const wanted = new Map(levels.map((level) => [level.name, level]));
    assert(wanted.has(exemptName) && wanted.has(catchAllName), "the levels exempt and catch-all are always there"); // I3
    for (const level of this.#levels.values()) level.isQuiescing = !wanted.has(level.name);
    for (const config of levels) this.#setLevel(config, nowMs);
    this.#schemas = inMatchingOrder(schemas).flatMap((config) => {
      const level = this.#levels.get(config.levelName);
      if (level === undefined || level.isQuiescing) return [];
      return [new FlowSchemaState(config, level, this.#statsOf(level.name, config.name), this.#options.hashSeed)];
    });
    assert(this.#schemas.at(-1) !== undefined, "the schema catch-all is always there"); // I3
    this.#forgetIdleStats();
    return this.adjust(nowMs);
  }

  /** The schema of a request. Cost: some look-ups for each schema that is asked. */
  classify(user: FlowUser, request: FlowRequest): FlowSchemaState {
    const schemas = this.#schemas;
    for (const schema of schemas) if (schema.matches(user, request)) return schema;
    // The caller left catch-all out: the last schema is the least important one.
    return schemas[schemas.length - 1] as FlowSchemaState;
  }

  /**
   * @param started gets what may start now besides this request
   * @returns "executing": go on. "waiting": until it is among the started. "refused": `refusal` says why
   */
  arrive(schema: FlowSchemaState, arrival: Arrival, nowMs: number, started: Ticket[]): Ticket {
    const { level, stats } = schema;
    const ticket = new Ticket(arrival, stats, schema.flowOf(arrival.user, arrival.request), nowMs);
    stats.seats.observe(ticket.width);
    const others = level.queues.arrive(ticket, nowMs);
    if (ticket.state === "waiting") {
      if (this.#mayWait(level, arrival.bytes)) this.#noteWaiting(level, ticket, 1);
      else level.queues.withdraw(ticket, "queue-full", nowMs).forEach((other) => this.#noteStarted(other, started));
    }
    for (const other of others) if (other !== ticket) this.#noteStarted(other, started);
    if (ticket.state === "refused") level.retryAfter.refused(nowMs);
    return ticket;
  }

  /** @returns what may start now */
  finish(ticket: Ticket, nowMs: number): readonly Ticket[] {
    return this.#left(this.#levelOf(ticket).queues.finish(ticket, nowMs));
  }

  /** @returns what may start now */
  release(ticket: Ticket, nowMs: number): readonly Ticket[] {
    return this.#left(this.#levelOf(ticket).queues.release(ticket, nowMs));
  }

  /** @returns what may start now */
  withdraw(ticket: Ticket, reason: RefusalReason, nowMs: number): readonly Ticket[] {
    const level = this.#levelOf(ticket);
    this.#noteWaiting(level, ticket, -1);
    if (reason !== "cancelled") level.retryAfter.refused(nowMs);
    return this.#left(level.queues.withdraw(ticket, reason, nowMs));
  }

  /** Seats by the demand of the time since the last call; levels that are gone and idle are forgotten. @returns what may start now */
  adjust(nowMs: number): readonly Ticket[] {
    for (const level of this.#levels.values()) {
      if (level.isQuiescing && level.queues.isIdle) this.#levels.delete(level.name);
    }
    const levels = this.levels();
    const sharesTotal = levels.reduce((sum, { config }) => sum + config.nominalShares, 0);
    const claims = levels.map((level) => {
      level.limits = nominalLimits(level.config, this.#options.seatsTotal, sharesTotal);
      const { nominal, lower, upper } = level.limits;
      level.requestSeatsMax = requestSeatsMaxOf(nominal, level.config.queuing?.handSize);
      const { highWatermark, smoothed } = level.queues.demand.sample(nowMs);
      const atLeast = Math.max(lower, Math.min(nominal, highWatermark));
      level.targetSeats = Math.max(atLeast, smoothed);
      return { target: level.targetSeats, lower: atLeast, upper };
    });
    const total = levels.reduce((sum, { limits }) => sum + limits.nominal, 0);
    const { seats, fairFraction } = allocateSeats(total, claims);
    this.#fairFraction = fairFraction;
    return levels.flatMap((level, i) => {
      // A level that has shares is never shut: its first request would have to wait for the next adjustment.
      level.seatsMax = Math.max(Math.round(seats[i] as number), Math.min(level.limits.nominal, 1));
      return this.#left(level.queues.setRules(rulesOf(level), nowMs));
    });
  }

  #setLevel(config: PriorityLevelConfig, nowMs: number): void {
    const known = this.#levels.get(config.name);
    if (known !== undefined) {
      known.config = config;
      return;
    }
    const queues = new QueueSet({ kind: config.kind, seatsMax: 0, queuing: config.queuing }, nowMs);
    this.#levels.set(config.name, new PriorityLevel(config, queues));
  }

  #mayWait(level: PriorityLevel, bytes: number): boolean {
    const { waitingMax, waitingBytesMax } = this.#options;
    return (
      level.queues.waiting <= waitingMax - this.#waiting &&
      level.waitingBytes + bytes <= waitingBytesMax - this.#waitingBytes
    ); // I2
  }

  #left(started: readonly Ticket[]): readonly Ticket[] {
    for (const ticket of started) this.#noteWaiting(this.#levelOf(ticket), ticket, -1);
    return started;
  }

  #noteStarted(ticket: Ticket, started: Ticket[]): void {
    this.#noteWaiting(this.#levelOf(ticket), ticket, -1);
    started.push(ticket);
  }

  #noteWaiting(level: PriorityLevel, { bytes }: Ticket, sign: 1 | -1): void {
    this.#waiting += sign;
    this.#waitingBytes += sign * bytes;
    level.waitingBytes += sign * bytes;
  }

  #levelOf({ stats }: Ticket): PriorityLevel {
    const level = this.#levels.get(stats.levelName);
    assert(level !== undefined, "a level with requests is kept until they are done");
    return level;
  }

  #statsOf(levelName: string, schemaName: string): FlowStats {
    const key = `${levelName}/${schemaName}`;
    const stats = this.#stats.get(key) ?? new FlowStats(levelName, schemaName);
    this.#stats.set(key, stats);
    return stats;
  }

  /** Of pairs that are no longer configured; so names that come and go leave nothing behind. */
  #forgetIdleStats(): void {
    const used = new Set(this.#schemas.map(({ stats }) => stats));
    for (const [key, stats] of this.#stats) if (!used.has(stats) && stats.isIdle) this.#stats.delete(key);
  }
}

function rulesOf({ config, seatsMax }: PriorityLevel): QueueSet["rules"] {
  return { kind: config.kind, seatsMax, queuing: config.queuing };
}
