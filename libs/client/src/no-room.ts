// 429: the master is well, and has no room for requests of this kind now. It says when to come again.
import { TransportError } from "./types.ts";

/** Where a master names no time. */
const retryAfterDefaultMs = 1_000;

/** Not carried out. Another master may have room; this one is as good as before. */
export class NoRoomError extends TransportError {
  readonly retryAfterMs: number;

  /** @param retryAfter of the header of that name, in seconds */
  constructor(message: string, retryAfter: string | readonly string[] | undefined) {
    super(message, true);
    const seconds = Number(typeof retryAfter === "string" ? retryAfter : retryAfter?.[0]);
    this.retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : retryAfterDefaultMs;
  }
}
