// What the controller keeps for each level and each schema in force.
import { type FlowRequest, FlowSchemaMatcher, type FlowUser } from "./classification.ts";
import type { FlowSchemaConfig, PriorityLevelConfig } from "./configuration.ts";
import type { FlowStats } from "./flow-stats.ts";
import type { QueueSet } from "./queue-set.ts";
import { RetryAfter } from "./retry-after.ts";
import type { NominalLimits } from "./seat-limits.ts";
import { flowHash } from "./shuffle-sharding.ts";
import type { Flow } from "./ticket.ts";

export class PriorityLevel {
  config: PriorityLevelConfig;
  readonly queues: QueueSet;
  readonly retryAfter = new RetryAfter();
  limits: NominalLimits = { nominal: 0, lower: 0, upper: 0 };
  /** Seats it may have now, lent and borrowed ones considered. */
  seatsMax = 0;
  /** What the last adjustment wanted for it. */
  targetSeats = 0;
  /** Seats of one request at most. */
  requestSeatsMax = 1;
  /** Its object is gone; it ends when nothing of it waits or executes. */
  isQuiescing = false;
  /** Memory held by what waits. */
  waitingBytes = 0;

  constructor(config: PriorityLevelConfig, queues: QueueSet) {
    this.config = config;
    this.queues = queues;
  }

  get name(): string {
    return this.config.name;
  }
}

/** Flows of one schema that are remembered; past it they are hashed anew. */
const flowsMax = 4_096;

/** A flow schema in force, with its level. */
export class FlowSchemaState {
  readonly config: FlowSchemaConfig;
  readonly level: PriorityLevel;
  readonly stats: FlowStats;
  readonly #matcher: FlowSchemaMatcher;
  readonly #flows = new Map<string, Flow>();
  readonly #hashSeed: number;

  constructor(config: FlowSchemaConfig, level: PriorityLevel, stats: FlowStats, hashSeed: number) {
    this.config = config;
    this.level = level;
    this.stats = stats;
    this.#matcher = new FlowSchemaMatcher(config);
    this.#hashSeed = hashSeed;
  }

  matches(user: FlowUser, request: FlowRequest): boolean {
    return this.#matcher.matches(user, request);
  }

  /** Undefined: its level has no queues. */
  flowOf(user: FlowUser, request: FlowRequest): Flow | undefined {
    if (this.level.config.queuing === undefined) return undefined;
    const distinguisher = this.#distinguisherOf(user, request);
    const known = this.#flows.get(distinguisher);
    if (known !== undefined) return known;
    if (this.#flows.size >= flowsMax) this.#flows.clear();
    const flow = { distinguisher, hash: flowHash(this.config.name, distinguisher, this.#hashSeed) };
    this.#flows.set(distinguisher, flow);
    return flow;
  }

  #distinguisherOf(user: FlowUser, request: FlowRequest): string {
    switch (this.config.distinguisher) {
      case "ByUser":
        return user.name;
      case "ByNamespace":
        return request.kind === "resource" ? request.namespace : "";
      case undefined:
        return "";
    }
  }
}
