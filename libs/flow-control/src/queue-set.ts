// One level's seats and queues: fair queuing for requests, as Kubernetes' API priority and fairness does it.
//
// Virtual time R is the seat-milliseconds that each busy queue has been entitled to. A queue's `nextR` is the R at which
// its next request would start if requests were served a slice at a time. The one that would end first is dispatched.
// Nobody knows beforehand how long a request takes: it is booked with `expectedMs`, and corrected when it ends.
//
// I1: seats in use are at most `seatsMax`, but for a request that is wider than that and executes alone. Lowering the
//     limit takes no seat away.
// I2: while something waits, the request whose turn it is does not fit. Narrower ones never overtake it for ever.
// I3: a queue exists while something in it waits or executes, so memory follows requests and not `queues`.
// Time never goes back: `nowMs` is monotonic.
import { assert } from "@triarch/base";
import type { Queuing } from "./configuration.ts";
import { bookedWork, boundNextStart, expectedMs, type FlowQueue, FlowQueues } from "./flow-queue.ts";
import type { RefusalReason } from "./flow-stats.ts";
import { SeatDemand } from "./seat-demand.ts";
import type { Ticket } from "./ticket.ts";

export interface SeatRules {
  readonly kind: "exempt" | "limited";
  readonly seatsMax: number;
  readonly queuing: Queuing | undefined;
}

const nobody: readonly Ticket[] = [];

export class QueueSet {
  readonly demand: SeatDemand;
  #rules: SeatRules;
  readonly #queues = new FlowQueues();
  readonly #executing = new Set<Ticket>();
  #r = 0;
  #syncedMs: number;
  #dispatches = 0;
  #seatsInUse = 0;
  #seatsWaiting = 0;
  #waiting = 0;

  constructor(rules: SeatRules, nowMs: number) {
    this.#rules = rules;
    this.#syncedMs = nowMs;
    this.demand = new SeatDemand(nowMs);
  }

  get rules(): SeatRules {
    return this.#rules;
  }
  get seatsInUse(): number {
    return this.#seatsInUse;
  }
  get waiting(): number {
    return this.#waiting;
  }
  /** In no order. */
  get executing(): ReadonlySet<Ticket> {
    return this.#executing;
  }
  get isIdle(): boolean {
    return this.#waiting === 0 && this.#seatsInUse === 0;
  }
  get currentR(): number {
    return this.#r;
  }

  /** By index. */
  queues(): readonly FlowQueue[] {
    return this.#queues.inOrder();
  }

  /** @returns what may start now. What waits under old rules waits on. */
  setRules(rules: SeatRules, nowMs: number): readonly Ticket[] {
    this.#sync(nowMs);
    const { queuing } = this.#rules;
    if (rules.queuing?.queues !== queuing?.queues || rules.queuing?.handSize !== queuing?.handSize)
      this.#queues.dealAnew();
    this.#rules = rules;
    return this.#dispatch(nowMs);
  }

  /**
   * Takes in a request: its state is "executing", "waiting" or "refused" afterwards.
   * @returns what may start now; this one too, if it had to pass through a queue
   */
  arrive(ticket: Ticket, nowMs: number): readonly Ticket[] {
    const { kind, queuing } = this.#rules;
    if (kind === "exempt") return this.#start(ticket, undefined, nowMs);
    this.#sync(nowMs);
    if (this.#waiting === 0 && this.#fits(ticket.width)) {
      const queue = queuing && ticket.flow && this.#queues.queueFor(ticket.flow, queuing, this.#r);
      if (queue !== undefined && queue.nextR < this.#r) queue.nextR = this.#r;
      return this.#start(ticket, queue, nowMs);
    }
    if (queuing === undefined || ticket.flow === undefined) return this.#refuse(ticket, "concurrency-limit");
    const queue = this.#queues.queueFor(ticket.flow, queuing, this.#r);
    if (queue.waiting.length >= queuing.queueLengthMax) return this.#refuse(ticket, "queue-full");
    this.#enqueue(ticket, queue, nowMs);
    return this.#dispatch(nowMs);
  }

  /** The request has been answered. State: "done", or "lingering" until `release`. @returns what may start now */
  finish(ticket: Ticket, nowMs: number): readonly Ticket[] {
    assert(ticket.state === "executing", "only what executes can finish");
    this.#sync(nowMs);
    this.#executing.delete(ticket);
    ticket.stats.executing -= 1;
    const { queue, work } = ticket;
    if (queue !== undefined) {
      queue.executing -= 1;
      queue.nextR -= work.seats * (expectedMs - (nowMs - ticket.startedMs));
      boundNextStart(queue);
    }
    if (work.lingerMs > 0 && this.#rules.kind === "limited") {
      ticket.state = "lingering";
      this.#queues.closeIfEmpty(queue);
      return nobody;
    }
    return this.#end(ticket, nowMs);
  }

  /** What lingered gives its seats back. @returns what may start now */
  release(ticket: Ticket, nowMs: number): readonly Ticket[] {
    assert(ticket.state === "lingering", "only what lingers can be released");
    this.#sync(nowMs);
    return this.#end(ticket, nowMs);
  }

  /** A waiting request goes unserved. @returns what may start now: it may have stood in the way of narrower ones */
  withdraw(ticket: Ticket, reason: RefusalReason, nowMs: number): readonly Ticket[] {
    assert(ticket.state === "waiting" && ticket.queue !== undefined, "only what waits can be withdrawn");
    this.#sync(nowMs);
    const { queue } = ticket;
    this.#dequeue(ticket, queue, queue.waiting.indexOf(ticket));
    ticket.stats.waitsRefused.observe((nowMs - ticket.arrivedMs) / 1000);
    this.#queues.closeIfEmpty(queue);
    this.#refuse(ticket, reason);
    this.#noteDemand(nowMs);
    return this.#dispatch(nowMs);
  }

  #end(ticket: Ticket, nowMs: number): readonly Ticket[] {
    ticket.state = "done";
    ticket.stats.executingSeats -= ticket.width;
    this.#seatsInUse -= ticket.width;
    if (ticket.queue !== undefined) ticket.queue.seatsInUse -= ticket.width;
    this.#queues.closeIfEmpty(ticket.queue);
    this.#noteDemand(nowMs);
    return this.#dispatch(nowMs);
  }

  #refuse(ticket: Ticket, reason: RefusalReason): readonly Ticket[] {
    ticket.state = "refused";
    ticket.refusal = reason;
    ticket.stats.refused[reason] += 1;
    this.#queues.closeIfEmpty(ticket.queue);
    return nobody;
  }

  #start(ticket: Ticket, queue: FlowQueue | undefined, nowMs: number): readonly Ticket[] {
    const { stats, width } = ticket;
    ticket.state = "executing";
    ticket.startedMs = nowMs;
    ticket.queue = queue;
    this.#executing.add(ticket);
    this.#seatsInUse += width;
    stats.executing += 1;
    stats.executingSeats += width;
    stats.dispatched += 1;
    stats.waitsExecuted.observe((nowMs - ticket.arrivedMs) / 1000);
    if (queue !== undefined) {
      queue.executing += 1;
      queue.seatsInUse += width;
      queue.nextR += bookedWork(ticket);
      queue.lastDispatch = ++this.#dispatches;
    }
    this.#noteDemand(nowMs);
    return nobody;
  }

  #enqueue(ticket: Ticket, queue: FlowQueue, nowMs: number): void {
    ticket.state = "waiting";
    ticket.arrivalR = this.#r;
    ticket.queue = queue;
    queue.waiting.push(ticket);
    queue.waitingWork += bookedWork(ticket);
    this.#waiting += 1;
    this.#seatsWaiting += ticket.width;
    ticket.stats.waiting += 1;
    ticket.stats.waitingSeats += ticket.width;
    ticket.stats.queueLengths.observe(queue.waiting.length);
    boundNextStart(queue);
    this.#noteDemand(nowMs);
  }

  #dequeue(ticket: Ticket, queue: FlowQueue, at: number): void {
    queue.waiting.splice(at, 1);
    queue.waitingWork -= bookedWork(ticket);
    this.#waiting -= 1;
    this.#seatsWaiting -= ticket.width;
    ticket.stats.waiting -= 1;
    ticket.stats.waitingSeats -= ticket.width;
    boundNextStart(queue);
  }

  #dispatch(nowMs: number): readonly Ticket[] {
    if (this.#waiting === 0) return nobody;
    const started: Ticket[] = [];
    while (this.#waiting > 0) {
      const queue = this.#queues.next();
      const ticket = queue.waiting[0] as Ticket;
      if (!this.#fits(ticket.width)) {
        ticket.stats.noAccommodation += 1;
        break;
      }
      // A queue that had more than its part while others were quiet owes them nothing: virtual time follows it.
      if (this.#r < queue.nextR) this.#r = queue.nextR;
      this.#dequeue(ticket, queue, 0);
      this.#start(ticket, queue, nowMs);
      started.push(ticket);
    }
    return started;
  }

  #fits(width: number): boolean {
    const { seatsMax } = this.#rules;
    if (width > seatsMax) return this.#seatsInUse === 0 && seatsMax > 0; // I1
    return this.#seatsInUse + width <= seatsMax;
  }

  /** R advances for each busy queue by an equal part of the seats that are, or would be, in use. */
  #sync(nowMs: number): void {
    const passedMs = nowMs - this.#syncedMs;
    if (passedMs <= 0) return;
    this.#syncedMs = nowMs;
    if (this.#queues.size === 0) return;
    const usable = Math.min(this.#seatsInUse + this.#seatsWaiting, this.#rules.seatsMax);
    this.#r += (passedMs * usable) / this.#queues.size;
  }

  #noteDemand(nowMs: number): void {
    this.demand.set(this.#seatsInUse + this.#seatsWaiting, nowMs);
  }
}
