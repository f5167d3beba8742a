// Counts of one flow schema at one level: added to as things happen, read when somebody asks for metrics.
import { Buckets } from "./buckets.ts";

/** Why a request was refused, in the words of Kubernetes' metrics. */
export type RefusalReason = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

const secondsBounds = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const seatsBounds = [1, 2, 4, 10];
const lengthBounds = [0, 10, 25, 50, 100, 250, 500, 1000];

export class FlowStats {
  readonly levelName: string;
  readonly schemaName: string;
  waiting = 0;
  waitingSeats = 0;
  executing = 0;
  /** Those that go on after the answer included. */
  executingSeats = 0;
  dispatched = 0;
  readonly refused: Record<RefusalReason, number> = {
    "queue-full": 0,
    "concurrency-limit": 0,
    "time-out": 0,
    cancelled: 0,
  };
  /** Dispatches put off because the next request takes more seats than are free. */
  noAccommodation = 0;
  /** Seconds in a queue of those that were executed, zero included; and of those that were not. */
  readonly waitsExecuted = new Buckets(secondsBounds);
  readonly waitsRefused = new Buckets(secondsBounds);
  readonly executionSeconds = new Buckets(secondsBounds);
  /** Watches: until everything was sent that was there when they began. */
  readonly watchStartSeconds = new Buckets(secondsBounds);
  readonly seats = new Buckets(seatsBounds);
  readonly queueLengths = new Buckets(lengthBounds);

  constructor(levelName: string, schemaName: string) {
    this.levelName = levelName;
    this.schemaName = schemaName;
  }

  get isIdle(): boolean {
    return this.waiting === 0 && this.executing === 0 && this.executingSeats === 0;
  }
}
