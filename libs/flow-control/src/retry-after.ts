// What refused clients are told to wait. The more are refused, the longer; a level that has calmed down is asked again soon.

const secondsMin = 1;
const secondsMax = 32;
/** As many refusals a second, over all the time clients were told to wait, and the wait is doubled. */
const refusalsPerSecondHigh = 3;

/** One level's. */
export class RetryAfter {
  #seconds = secondsMin;
  #windowStartMs = 0;
  #refusals = 0;

  /** For `Retry-After`. */
  get seconds(): number {
    return this.#seconds;
  }

  refused(nowMs: number): void {
    this.#closeWindow(nowMs);
    this.#refusals += 1;
  }

  /** A window is as long as what clients were told last: they come back no earlier. */
  #closeWindow(nowMs: number): void {
    const passedMs = nowMs - this.#windowStartMs;
    if (passedMs < this.#seconds * 1000) return;
    const isLongAgo = passedMs >= 2 * this.#seconds * 1000;
    if (isLongAgo) this.#seconds = secondsMin;
    else if (this.#refusals >= refusalsPerSecondHigh * this.#seconds) {
      this.#seconds = Math.min(this.#seconds * 2, secondsMax);
    } else if (this.#refusals < this.#seconds) this.#seconds = Math.max(this.#seconds - 1, secondsMin);
    this.#windowStartMs = nowMs;
    this.#refusals = 0;
  }
}
