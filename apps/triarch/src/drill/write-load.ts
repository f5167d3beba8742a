// The write load of a drill: a few writers that create ConfigMaps one after the other, each name once, and remember what
// was acknowledged and when. A create of unknown outcome is remembered as such and never counted as acknowledged.
import type { Clock } from "@triarch/base";
import { ApiError, resourceRefs, TransportError, type KubeClient } from "@triarch/client";
import type { ConfigMap } from "@triarch/api";

/** Acknowledged writes that one run remembers; the load ends past it. */
const writesMax = 200_000;

export interface LoadResult {
  /** Names whose creation was acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  /** Refused: certainly not carried out. */
  readonly refused: number;
  /** May or may not have been carried out. */
  readonly unknown: number;
  /** Monotonic times of the acknowledgements, ascending. */
  readonly acknowledgedAtMs: readonly number[];
  /** First failures, for the report. */
  readonly failures: readonly string[];
}

export class WriteLoad {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #namespace: string;
  readonly #acknowledged = new Set<string>();
  readonly #times: number[] = [];
  readonly #failures: string[] = [];
  #refused = 0;
  #unknown = 0;
  #running = true;
  readonly #writers: Promise<void>[];

  constructor(options: { client: KubeClient; clock: Clock; namespace: string; writers: number }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#namespace = options.namespace;
    this.#writers = Array.from({ length: options.writers }, (_, i) => this.#write(i));
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  /** Time of the latest acknowledgement; 0 before the first. */
  get lastAtMs(): number {
    return this.#times.at(-1) ?? 0;
  }

  async stop(): Promise<LoadResult> {
    this.#running = false;
    await Promise.all(this.#writers);
    return {
      acknowledged: this.#acknowledged,
      refused: this.#refused,
      unknown: this.#unknown,
      acknowledgedAtMs: this.#times,
      failures: this.#failures,
    };
  }

  async #write(writer: number): Promise<void> {
    for (let i = 0; this.#running && this.#acknowledged.size < writesMax; i++) {
      const name = `write-${writer}-${i}`;
      const object: ConfigMap = {
        metadata: { name, namespace: this.#namespace },
        data: { writer: String(writer), number: String(i) },
      };
      try {
        await this.#client.create(resourceRefs.configMaps, object);
        this.#acknowledged.add(name);
        this.#times.push(this.#clock.monotonicMs());
      } catch (error) {
        const certain =
          (error instanceof ApiError && error.code < 500) || (error instanceof TransportError && error.notSent);
        if (certain) this.#refused += 1;
        else this.#unknown += 1;
        if (this.#failures.length < 20) this.#failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

/** The longest time between two acknowledgements, and when it began. */
export function longestGap(timesMs: readonly number[]): { readonly gapMs: number; readonly fromMs: number } {
  let longest = { gapMs: 0, fromMs: timesMs[0] ?? 0 };
  for (let i = 1; i < timesMs.length; i++) {
    const fromMs = timesMs[i - 1] as number;
    const gapMs = (timesMs[i] as number) - fromMs;
    if (gapMs > longest.gapMs) longest = { gapMs, fromMs };
  }
  return longest;
}
