// How many seats a level could have used: its requests' seats, executing and waiting, over the time of one adjustment
// period. From it come the limits of the next period.

export interface DemandSample {
  readonly highWatermark: number;
  readonly average: number;
  readonly deviation: number;
  /** Rises at once, falls by half in five minutes (30 periods of 10 s). */
  readonly smoothed: number;
}

/** As Kubernetes: 0.977^30 is about a half. */
const smoothing = 0.977;

export class SeatDemand {
  #seats = 0;
  #changedMs: number;
  #startedMs: number;
  #seatMs = 0;
  #squareSeatMs = 0;
  #highWatermark = 0;
  #last: DemandSample = { highWatermark: 0, average: 0, deviation: 0, smoothed: 0 };

  constructor(nowMs: number) {
    this.#changedMs = nowMs;
    this.#startedMs = nowMs;
  }

  /** Of the last period that is over. */
  get last(): DemandSample {
    return this.#last;
  }

  set(seats: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#seats = seats;
    if (seats > this.#highWatermark) this.#highWatermark = seats;
  }

  /** Ends a period and begins the next. */
  sample(nowMs: number): DemandSample {
    this.#advance(nowMs);
    const periodMs = nowMs - this.#startedMs;
    const average = periodMs > 0 ? this.#seatMs / periodMs : this.#seats;
    const variance = periodMs > 0 ? this.#squareSeatMs / periodMs - average * average : 0;
    const deviation = Math.sqrt(Math.max(variance, 0));
    const envelope = average + deviation;
    const smoothed = Math.max(envelope, smoothing * this.#last.smoothed + (1 - smoothing) * envelope);
    this.#last = { highWatermark: this.#highWatermark, average, deviation, smoothed };
    this.#startedMs = nowMs;
    this.#seatMs = 0;
    this.#squareSeatMs = 0;
    this.#highWatermark = this.#seats;
    return this.#last;
  }

  #advance(nowMs: number): void {
    const passedMs = nowMs - this.#changedMs;
    if (passedMs <= 0) return;
    this.#changedMs = nowMs;
    this.#seatMs += passedMs * this.#seats;
    this.#squareSeatMs += passedMs * this.#seats * this.#seats;
  }
}
