// Pods that wait for a node. Active: to be tried now, by priority, then by age. Backoff: tried and failed not long ago.
// Unschedulable: no node fitted; they come back when something changed that could help, or after a while anyway.
import type { Clock } from "@triarch/base";

const backoffFirstMs = 1_000;
const backoffMaxMs = 10_000;
/** Without any event an unschedulable pod is tried again after this time. */
const unschedulableFlushMs = 300_000;

interface Entry {
  readonly key: string;
  priority: number;
  readonly addedAtMs: number;
  attempts: number;
  triedAtMs: number;
  place: "active" | "backoff" | "unschedulable" | "trying";
}

/** Pure but for the clock: the caller asks again at `nextWakeMs`. Bounded by the pods that exist. */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** An event came while a pod was tried: it must not rest as unschedulable. */
  #movedDuringTry = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get lengths(): Readonly<Record<"active" | "backoff" | "unschedulable", number>> {
    const count = (place: Entry["place"]): number =>
      [...this.#entries.values()].filter((one) => one.place === place).length;
    return { active: count("active"), backoff: count("backoff"), unschedulable: count("unschedulable") };
  }

  /** A new or changed pod is tried at once. */
  add(key: string, priority: number): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      const now = this.#clock.monotonicMs();
      this.#entries.set(key, { key, priority, addedAtMs: now, attempts: 0, triedAtMs: now, place: "active" });
    } else {
      known.priority = priority;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Something changed in the cluster: unschedulable pods may fit now, after their backoff. */
  moveUnschedulable(): void {
    this.#movedDuringTry = true;
    for (const entry of this.#entries.values()) if (entry.place === "unschedulable") entry.place = "backoff";
  }

  /** @returns the next pod to try; it stays out of reach until `succeeded` or `failed` */
  pop(): string | undefined {
    const now = this.#clock.monotonicMs();
    let best: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.place === "backoff" && now >= this.#backoffEnd(entry)) entry.place = "active";
      if (entry.place === "unschedulable" && now >= entry.triedAtMs + unschedulableFlushMs) entry.place = "active";
      if (entry.place !== "active") continue;
      if (
        best === undefined ||
        entry.priority > best.priority ||
        (entry.priority === best.priority && entry.addedAtMs < best.addedAtMs)
      ) {
        best = entry;
      }
    }
    if (best === undefined) return undefined;
    best.place = "trying";
    best.attempts += 1;
    this.#movedDuringTry = false;
    return best.key;
  }

  succeeded(key: string): void {
    this.#entries.delete(key);
  }

  /** @param unschedulable no node fitted; false: an error, tried again after the backoff */
  failed(key: string, unschedulable: boolean): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.triedAtMs = this.#clock.monotonicMs();
    entry.place = unschedulable && !this.#movedDuringTry ? "unschedulable" : "backoff";
  }

  /** When the next waiting pod is due, on the monotonic clock. */
  nextWakeMs(): number | undefined {
    let next: number | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.place === "trying") continue;
      const due =
        entry.place === "active"
          ? 0
          : entry.place === "backoff"
            ? this.#backoffEnd(entry)
            : entry.triedAtMs + unschedulableFlushMs;
      if (next === undefined || due < next) next = due;
    }
    return next;
  }

  #backoffEnd(entry: Entry): number {
    return entry.triedAtMs + Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(10, entry.attempts - 1));
  }
}
