import type { Clock } from "@triarch/base";

/** A token that nobody shows for this long is gone, unless the configuration says otherwise. */
export const simpleTokenTtlMs = 300_000;
/** Tokens known at once; past it the one that was not shown for longest is gone. */
export const simpleTokensMax = 10_000;

/** Tokens given out, and to whom. In order of their last use, so that the oldest are in front. */
export class SimpleTokens {
  readonly #clock: Clock;
  readonly #byToken = new Map<string, { readonly username: string; readonly deadlineMs: number }>();
  #ttlMs = simpleTokenTtlMs;

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** For tokens given out or shown from now on. */
  keepFor(ttlMs: number): void {
    this.#ttlMs = ttlMs;
  }

  add(token: string, username: string): void {
    this.#byToken.delete(token);
    this.#byToken.set(token, { username, deadlineMs: this.#clock.monotonicMs() + this.#ttlMs });
    this.#dropOld();
  }

  /** Whose it is; it lives on from now. @returns undefined for one that is not known (any more) */
  use(token: string): string | undefined {
    this.#dropOld();
    const known = this.#byToken.get(token);
    if (known !== undefined) this.add(token, known.username);
    return known?.username;
  }

  removeUser(username: string): void {
    for (const [token, known] of this.#byToken) if (known.username === username) this.#byToken.delete(token);
  }

  clear(): void {
    this.#byToken.clear();
  }

  #dropOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [token, { deadlineMs }] of this.#byToken) {
      if (deadlineMs > nowMs && this.#byToken.size <= simpleTokensMax) return;
      this.#byToken.delete(token);
    }
  }
}

/** The log index that gave a token out. @returns undefined when it is none of ours */
export function indexOfToken(token: string): number | undefined {
  const match = /^[^.]*\.(\d{1,15})$/.exec(token);
  return match === null ? undefined : Number(match[1]);
}
