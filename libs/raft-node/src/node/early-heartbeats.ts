/**
 * Heartbeats that do not wait for the disk. The loop may just be waiting for it, and a leader that is heard late is taken
 * for dead. After an election timeout of such waiting it may be: a leader whose disk hangs can do nothing for the others,
 * who shall elect another one.
 */
import type { Message, RawNode } from "@triarch/raft";

export class EarlyHeartbeats {
  readonly #raw: RawNode;
  readonly #patienceTicks: number;
  readonly #send: (heartbeats: readonly Message[]) => void;
  /** Since the `Ready` that is being worked off. */
  #ticks = 0;

  constructor(raw: RawNode, patienceTicks: number, send: (heartbeats: readonly Message[]) => void) {
    this.#raw = raw;
    this.#patienceTicks = patienceTicks;
    this.#send = send;
  }

  tick(): void {
    this.#ticks += 1;
  }

  readyBegins(): void {
    this.#ticks = 0;
  }

  /** After each input: what it made, if a `Ready` is being worked off. */
  send(): void {
    if (this.#ticks > this.#patienceTicks) return;
    const heartbeats = this.#raw.takeHeartbeats();
    if (heartbeats.length > 0) this.#send(heartbeats);
  }
}
