import type { Clock } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";

/** The same refusal is told again only after this long, with how often it came meanwhile. */
export const refusalRepeatMs = 60_000;
/** Different ones that are remembered; past it the oldest is forgotten, and told anew when it comes again. */
export const refusalsMax = 256;

/** Who is refused tries again, several times a second: the log shall not fill with that. */
export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #known = new Map<string, { readonly toldMs: number; repeats: number }>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  tell(text: string, fields: Readonly<Record<string, string>>): void {
    const key = JSON.stringify([text, fields]);
    const now = this.#clock.monotonicMs();
    const known = this.#known.get(key);
    if (known !== undefined && now - known.toldMs < refusalRepeatMs) {
      known.repeats += 1;
      return;
    }
    const repeats = known?.repeats ?? 0;
    this.#known.delete(key);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= refusalsMax && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(key, { toldMs: now, repeats: 0 });
    this.#logger.warn(repeats === 0 ? fields : { ...fields, repeats }, text);
  }
}
