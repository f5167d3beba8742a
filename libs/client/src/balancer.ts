// Which master gets the next request. Knows the masters by their outcomes: one that fails is ejected with a growing
// back-off and comes back when a probe succeeds. One that says itself that it is not ready (it starts, or it stops) gets
// nothing new until it says otherwise; what runs on it goes on. Pure but for the clock and the generator that are passed in.
import type { Clock, Rng } from "@triarch/base";

/** After so many failures in a row a master counts as silent: what can't be repeated elsewhere is given up too. */
const silentFailures = 3;
/** First and longest time that a failing master is left alone. */
const ejectionFirstMs = 100;
const ejectionMaxMs = 5_000;

export interface Master {
  readonly url: string;
  /** Requests and watches under way. */
  inflight: number;
  /** Failures in a row. */
  failures: number;
  /** Not chosen before this moment (monotonic) unless nobody else is left. 0: healthy. */
  ejectedUntilMs: number;
  /** What its last `/readyz` said. */
  ready: boolean;
  /** Aborted at ejection, so that what can be repeated goes elsewhere. Renewed at once. */
  ejection: AbortController;
  /** Aborted when it counts as silent. Renewed at once. */
  silence: AbortController;
}

export class Balancer {
  readonly #clock: Clock;
  readonly #rng: Rng;
  #masters: Master[];

  constructor(urls: readonly string[], options: { readonly clock: Clock; readonly rng: Rng }) {
    this.#clock = options.clock;
    this.#rng = options.rng;
    this.#masters = urls.map(newMaster);
  }

  get masters(): readonly Master[] {
    return this.#masters;
  }

  /** Keeps what is known of masters that stay. An empty list is ignored: it can only be a mistake. */
  setServers(urls: readonly string[]): void {
    if (urls.length === 0) return;
    this.#masters = [...new Set(urls)].map(
      (url) => this.#masters.find((master) => master.url === url) ?? newMaster(url),
    );
  }

  /**
   * The less busy of two random healthy masters that are not in `tried`; when none is healthy, one that is ready before
   * one that is not, and of these the ejected one whose turn comes first.
   * @returns undefined when all were tried
   */
  pick(tried: ReadonlySet<Master>): Master | undefined {
    const now = this.#clock.monotonicMs();
    const rest = this.#masters.filter((master) => !tried.has(master));
    const healthy = rest.filter((master) => master.ready && master.ejectedUntilMs <= now);
    if (healthy.length === 0) {
      return rest.reduce<Master | undefined>(
        (best, master) => (best === undefined || isBetter(master, best) ? master : best),
        undefined,
      );
    }
    const first = healthy[this.#rng.int(healthy.length)];
    const second = healthy[this.#rng.int(healthy.length)];
    return first !== undefined && second !== undefined && second.inflight < first.inflight ? second : first;
  }

  succeeded(master: Master): void {
    master.failures = 0;
    master.ejectedUntilMs = 0;
  }

  /** It answers, and says whether it takes requests. */
  answered(master: Master, ready: boolean): void {
    this.succeeded(master);
    master.ready = ready;
  }

  /** Ejects the master; whoever waits on it is told through `ejection`. */
  failed(master: Master): void {
    const backoffMs = Math.min(ejectionMaxMs, ejectionFirstMs * 2 ** Math.min(master.failures, 10));
    master.failures += 1;
    master.ejectedUntilMs = this.#clock.monotonicMs() + backoffMs * (0.75 + this.#rng.next() / 2);
    const ejection = master.ejection;
    master.ejection = new AbortController();
    ejection.abort(new Error(`${master.url} does not answer`));
    if (master.failures % silentFailures !== 0) return;
    const silence = master.silence;
    master.silence = new AbortController();
    silence.abort(new Error(`${master.url} has been silent for ${silentFailures} looks`));
  }

  /** Masters that a probe should look at now: all of them, the ejected ones only when their time has come. */
  due(): readonly Master[] {
    const now = this.#clock.monotonicMs();
    return this.#masters.filter((master) => master.ejectedUntilMs <= now || master.failures === 0);
  }
}

function isBetter(one: Master, other: Master): boolean {
  return one.ready === other.ready ? one.ejectedUntilMs < other.ejectedUntilMs : one.ready;
}

function newMaster(url: string): Master {
  return {
    ...{ url, inflight: 0, failures: 0, ejectedUntilMs: 0, ready: true },
    ejection: new AbortController(),
    silence: new AbortController(),
  };
}
