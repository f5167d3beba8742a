// Pings cost work for nothing: a client that sends them more often than allowed is sent away. The rules are those of
// gRPC's servers: two strikes are forgiven, and whatever of an answer was sent to the client wipes them out. So one that
// measures its line by pings while it takes in a long answer, as Go's clients do, is not sent away.
import { constants, type Http2Session, type ServerHttp2Session } from "node:http2";

/** Pings closer together than this count against a client that has a call open. */
export const keepaliveMinTimeMsDefault = 5_000;
/** Without a call open there is nothing to keep alive. */
const idleMinTimeMs = 2 * 3_600_000;
const strikesMax = 2;
/** Between two pings this much may have been sent and be no answer: what acknowledges the first, and settings. */
const acknowledgementBytesMax = 128;

const guards = new WeakMap<Http2Session, PingGuard>();

class PingGuard {
  readonly #minTimeMs: number;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #sentBytes = 0;
  #strikes = 0;
  openCalls = 0;

  constructor(minTimeMs: number) {
    this.#minTimeMs = minTimeMs;
  }

  /** @param sentBytes on the connection so far. @returns true: one too many */
  pinged(nowMs: number, sentBytes: number): boolean {
    if (sentBytes > this.#sentBytes + acknowledgementBytesMax) this.answered();
    this.#sentBytes = sentBytes;
    const minTimeMs = this.openCalls > 0 ? this.#minTimeMs : idleMinTimeMs;
    if (nowMs - this.#lastPingMs < minTimeMs) this.#strikes += 1;
    this.#lastPingMs = nowMs;
    return this.#strikes > strikesMax;
  }

  answered(): void {
    this.#strikes = 0;
    this.#lastPingMs = Number.NEGATIVE_INFINITY;
  }
}

/** @param minTimeMs 0: clients may ping as they like */
export function guardPings(session: ServerHttp2Session, minTimeMs: number, nowMs: () => number): void {
  if (minTimeMs === 0) return;
  const guard = new PingGuard(minTimeMs);
  guards.set(session, guard);
  session.on("stream", (stream) => {
    guard.openCalls += 1;
    stream.once("close", () => (guard.openCalls -= 1));
  });
  session.on("ping", () => {
    if (session.destroyed || !guard.pinged(nowMs(), session.socket.bytesWritten)) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 2 ** 31 - 1, Buffer.from("too_many_pings"));
    setImmediate(() => session.destroy()); // what is written above goes out first
  });
}

/** The client was sent something on this session. */
export function answered(session: Http2Session | undefined): void {
  if (session !== undefined) guards.get(session)?.answered();
}
