// The queues of one level: which of them a flow's request goes to, and which is served next. Only queues in use exist.
import { assert } from "@triarch/base";
import type { Queuing } from "./configuration.ts";
import { dealHand } from "./shuffle-sharding.ts";
import type { Flow, Ticket } from "./ticket.ts";

export interface FlowQueue {
  readonly index: number;
  /** Oldest first. */
  readonly waiting: Ticket[];
  /** Seat-milliseconds. */
  waitingWork: number;
  executing: number;
  /** Of what executes and what lingers. */
  seatsInUse: number;
  /** Virtual time at which its next request starts. */
  nextR: number;
  /** Number of its last dispatch, over all queues. */
  lastDispatch: number;
}

/** What a request is booked with before anybody knows how long it takes; as Kubernetes. */
export const expectedMs = 3;

export class FlowQueues {
  readonly #queues = new Map<number, FlowQueue>();
  #hands = new WeakMap<Flow, readonly number[]>();
  #arrivals = 0;

  /** Queues in use. */
  get size(): number {
    return this.#queues.size;
  }

  /** By index. */
  inOrder(): readonly FlowQueue[] {
    return [...this.#queues.values()].sort((a, b) => a.index - b.index);
  }

  /** Hands of another deck. Queues that are in use stay until they are empty. */
  dealAnew(): void {
    this.#hands = new WeakMap();
  }

  /**
   * The queue of the flow's hand in which the least work waits; of equals, each in turn.
   *
   * @param r where a queue that was not in use begins
   */
  queueFor(flow: Flow, { queues, handSize }: Queuing, r: number): FlowQueue {
    let hand = this.#hands.get(flow);
    if (hand === undefined) {
      hand = dealHand(flow.hash, queues, Math.min(handSize, queues));
      this.#hands.set(flow, hand);
    }
    const offset = this.#arrivals++ % hand.length;
    let bestIndex = 0;
    let bestWork = Infinity;
    for (let i = 0; i < hand.length && bestWork > 0; i++) {
      const index = hand[(offset + i) % hand.length] as number;
      const work = this.#queues.get(index)?.waitingWork ?? 0;
      if (work >= bestWork) continue;
      bestIndex = index;
      bestWork = work;
    }
    return this.#queues.get(bestIndex) ?? this.#open(bestIndex, r);
  }

  /** The one whose oldest request would end first; of equals, the one served longest ago. Something waits. */
  next(): FlowQueue {
    let best: FlowQueue | undefined;
    let bestEnd = Infinity;
    for (const queue of this.#queues.values()) {
      const head = queue.waiting[0];
      if (head === undefined) continue;
      const end = queue.nextR + bookedWork(head);
      if (end > bestEnd || (end === bestEnd && queue.lastDispatch > (best?.lastDispatch ?? 0))) continue;
      best = queue;
      bestEnd = end;
    }
    assert(best !== undefined, "requests wait, but in no queue");
    return best;
  }

  closeIfEmpty(queue: FlowQueue | undefined): void {
    if (queue === undefined || queue.executing > 0 || queue.waiting.length > 0) return;
    if (this.#queues.get(queue.index) === queue) this.#queues.delete(queue.index);
  }

  #open(index: number, r: number): FlowQueue {
    const queue = { index, waiting: [], waitingWork: 0, executing: 0, seatsInUse: 0, nextR: r, lastDispatch: 0 };
    this.#queues.set(index, queue);
    return queue;
  }
}

/** Seat-milliseconds that a request is booked with at dispatch. */
export function bookedWork({ work }: Ticket): number {
  return work.seats * expectedMs + work.finalSeats * work.lingerMs;
}

/** No request starts before it arrived, in virtual time either: idleness saves nothing up. */
export function boundNextStart(queue: FlowQueue): void {
  const oldest = queue.waiting[0];
  if (oldest !== undefined && queue.nextR < oldest.arrivalR) queue.nextR = oldest.arrivalR;
}
