// One request on its way through a level.
//
//   waiting -> executing -> (lingering ->) done
//          \-> refused
import type { FlowRequest, FlowUser } from "./classification.ts";
import type { FlowStats, RefusalReason } from "./flow-stats.ts";
import type { FlowQueue } from "./flow-queue.ts";
import { type Work, widthOf } from "./work.ts";

export type TicketState = "arriving" | "waiting" | "executing" | "lingering" | "done" | "refused";

/** Requests that share one hand of queues. */
export interface Flow {
  readonly distinguisher: string;
  readonly hash: bigint;
}

export interface Arrival {
  readonly user: FlowUser;
  readonly request: FlowRequest;
  readonly work: Work;
  /** Memory that the request holds while it waits. */
  readonly bytes: number;
}

/** Changed by its queue set only. */
export class Ticket {
  readonly user: FlowUser;
  readonly request: FlowRequest;
  readonly work: Work;
  readonly bytes: number;
  /** Seats held from dispatch to the end. */
  readonly width: number;
  readonly stats: FlowStats;
  readonly flow: Flow | undefined;
  readonly arrivedMs: number;
  state: TicketState = "arriving";
  /** Set when refused. */
  refusal: RefusalReason | undefined;
  startedMs = 0;
  /** Virtual time of the arrival. */
  arrivalR = 0;
  queue: FlowQueue | undefined;

  constructor(arrival: Arrival, stats: FlowStats, flow: Flow | undefined, nowMs: number) {
    const { user, request, work, bytes } = arrival;
    this.user = user;
    this.request = request;
    this.work = work;
    this.bytes = bytes;
    this.width = widthOf(work);
    this.stats = stats;
    this.flow = flow;
    this.arrivedMs = nowMs;
  }
}
