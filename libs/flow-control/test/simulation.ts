// A server in virtual time over one flow controller: flows send requests, each takes its time, and after every step the
// promises of the queue sets are checked.
import assert from "node:assert/strict";
import {
  adjustPeriodMs,
  FlowController,
  type FlowSchemaConfig,
  oneSeat,
  type PriorityLevelConfig,
  type Ticket,
  type Work,
} from "@triarch/flow-control";

export interface Sender {
  readonly user: string;
  readonly groups?: readonly string[];
  /** Requests it keeps in the server at once: a new one for each that ends. */
  readonly atOnce: number;
  readonly work?: Work;
  readonly serviceMs: number | (() => number);
  readonly startMs?: number;
}

export interface Outcome {
  executed: number;
  refused: number;
  /** Seat-milliseconds had. */
  seatMs: number;
  longestWaitMs: number;
}

interface Event {
  readonly atMs: number;
  run(): void;
}

export const exempt: PriorityLevelConfig = {
  name: "exempt",
  uid: "exempt-uid",
  kind: "exempt",
  nominalShares: 0,
  lendablePercent: 0,
  borrowingLimitPercent: undefined,
  queuing: undefined,
};

export function level(name: string, more: Partial<PriorityLevelConfig> = {}): PriorityLevelConfig {
  const queuing = { queues: 64, handSize: 6, queueLengthMax: 50 };
  return { ...exempt, name, uid: `${name}-uid`, kind: "limited", nominalShares: 10, queuing, ...more };
}

export function schema(name: string, levelName: string, more: Partial<FlowSchemaConfig> = {}): FlowSchemaConfig {
  const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true };
  const subjects = [{ kind: "Group", group: { name } }];
  const rules = [{ subjects, resourceRules: [everything], nonResourceRules: [] }];
  return { name, uid: `${name}-uid`, levelName, precedence: 1000, distinguisher: "ByUser", rules, ...more };
}

export const catchAll = level("catch-all", { queuing: undefined, nominalShares: 5 });
export const mandatorySchemas = [
  schema("exempt", "exempt", { precedence: 1 }),
  schema("catch-all", "catch-all", { precedence: 10_000 }),
];
export const listPods = {
  kind: "resource",
  verb: "list",
  apiGroup: "",
  resource: "pods",
  subresource: "",
  namespace: "default",
  name: "",
} as const;

export class Simulation {
  readonly controller: FlowController;
  readonly #senders = new Map<Ticket, Sender>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #waitLimitMs: number;
  #events: Event[] = [];
  #nowMs = 0;

  constructor(options: {
    readonly seatsTotal: number;
    readonly schemas: readonly FlowSchemaConfig[];
    readonly levels: readonly PriorityLevelConfig[];
    readonly waitLimitMs?: number;
    readonly waitingMax?: number;
  }) {
    const { seatsTotal, waitLimitMs = Infinity, waitingMax = 100_000 } = options;
    this.controller = new FlowController({ seatsTotal, waitingMax, waitingBytesMax: 2 ** 40, hashSeed: 0 });
    this.#waitLimitMs = waitLimitMs;
    this.configure(options.schemas, options.levels);
    this.#at(adjustPeriodMs, () => this.#adjust());
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  configure(schemas: readonly FlowSchemaConfig[], levels: readonly PriorityLevelConfig[]): void {
    const all = [...mandatorySchemas, ...schemas];
    this.#startAll(this.controller.configure(all, [exempt, catchAll, ...levels], this.#nowMs));
  }

  outcome(user: string): Outcome {
    const outcome = this.#outcomes.get(user) ?? { executed: 0, refused: 0, seatMs: 0, longestWaitMs: 0 };
    this.#outcomes.set(user, outcome);
    return outcome;
  }

  send(sender: Sender): void {
    this.#at(sender.startMs ?? 0, () => {
      for (let i = 0; i < sender.atOnce; i++) this.#arrive(sender);
    });
  }

  run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#events.shift();
      this.#nowMs = next.atMs;
      next.run();
      this.#check();
    }
    this.#nowMs = endMs;
  }

  #adjust(): void {
    this.#startAll(this.controller.adjust(this.#nowMs));
    this.#at(adjustPeriodMs, () => this.#adjust());
  }

  #arrive(sender: Sender): void {
    const user = { name: sender.user, groups: [...(sender.groups ?? []), "system:authenticated"] };
    const flowSchema = this.controller.classify(user, listPods);
    const started: Ticket[] = [];
    const arrival = { user, request: listPods, work: sender.work ?? oneSeat, bytes: 0 };
    const ticket = this.controller.arrive(flowSchema, arrival, this.#nowMs, started);
    this.#senders.set(ticket, sender);
    this.#startAll(started);
    if (ticket.state === "refused") {
      this.#refused(ticket);
    } else if (ticket.state === "executing") this.#execute(ticket);
    else if (this.#waitLimitMs < Infinity) this.#at(this.#waitLimitMs, () => this.#timeOut(ticket));
  }

  #timeOut(ticket: Ticket): void {
    if (ticket.state !== "waiting") return;
    this.#startAll(this.controller.withdraw(ticket, "time-out", this.#nowMs));
    this.#refused(ticket);
  }

  #refused(ticket: Ticket): void {
    const sender = this.#senders.get(ticket) as Sender;
    this.#senders.delete(ticket);
    this.outcome(sender.user).refused += 1;
    this.#at(50, () => this.#arrive(sender));
  }

  #startAll(tickets: readonly Ticket[]): void {
    for (const ticket of tickets) this.#execute(ticket);
  }

  #execute(ticket: Ticket): void {
    const sender = this.#senders.get(ticket) as Sender;
    const outcome = this.outcome(sender.user);
    outcome.longestWaitMs = Math.max(outcome.longestWaitMs, this.#nowMs - ticket.arrivedMs);
    const serviceMs = typeof sender.serviceMs === "number" ? sender.serviceMs : sender.serviceMs();
    this.#at(serviceMs, () => {
      outcome.executed += 1;
      outcome.seatMs += serviceMs * ticket.width;
      this.#senders.delete(ticket);
      this.#startAll(this.controller.finish(ticket, this.#nowMs));
      if (ticket.state === "lingering") {
        this.#at(ticket.work.lingerMs, () => this.#startAll(this.controller.release(ticket, this.#nowMs)));
      }
      this.#arrive(sender);
    });
  }

  /** In the order of time; of equals, in the order in which they were asked for. */
  #at(inMs: number, run: () => void): void {
    const event = { atMs: this.#nowMs + inMs, run };
    const before = this.#events.findLastIndex(({ atMs }) => atMs <= event.atMs);
    this.#events.splice(before + 1, 0, event);
  }

  /** The invariants of queue-set.ts. */
  #check(): void {
    for (const { name, config, queues } of this.controller.levels()) {
      const { seatsMax } = queues.rules;
      let [inUse, newestMs, inQueues, narrowest] = [0, 0, 0, Infinity];
      for (const { width, startedMs } of queues.executing) {
        inUse += width;
        newestMs = Math.max(newestMs, startedMs);
      }
      assert.ok(inUse <= queues.seatsInUse, `${name}: seats of what executes are in use`);
      if (config.kind === "limited" && newestMs === this.#nowMs && queues.executing.size > 1) {
        assert.ok(inUse <= seatsMax, `${name}: ${inUse} of ${seatsMax} seats`);
      }
      for (const { waiting, executing } of queues.queues()) {
        assert.ok(waiting.length + executing > 0, `${name}: an empty queue`);
        inQueues += waiting.length;
        for (const { width } of waiting.slice(0, 10)) narrowest = Math.min(narrowest, width);
      }
      assert.equal(inQueues, queues.waiting, `${name}: what waits is in a queue`);
      const isIdle = queues.seatsInUse === 0 && seatsMax > 0;
      assert.ok(!isIdle || narrowest === Infinity, `${name}: requests wait though nothing executes`);
    }
  }
}
