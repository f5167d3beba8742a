// API priority and fairness at work: each request passes here, once it is known who asks, and before anybody looks at
// whether he may. It takes seats of its priority level, waits for them, or is refused with 429; the rules are in
// @triarch/flow-control.
//
// A seat is held until the answer is made; of a long list, until it has left or its client has; of a watch, until
// everything was sent that was there when it began; no longer than `requestTimeoutMs`. What has no end (exec, logs, proxies) is not counted.
import type { UserInfo } from "@triarch/auth";
import type { Clock, Timer, Timers } from "@triarch/base";
import { adjustPeriodMs, FlowController, type FlowSchemaState, type Ticket } from "@triarch/flow-control";
import type { FlowSchemaConfig, PriorityLevelConfig } from "@triarch/flow-control";
import type { Registry as MetricsRegistry } from "@triarch/telemetry";
import type { Answer, StreamAnswer } from "../http/answer.ts";
import type { ResourceStore } from "../storage/index.ts";
import { builtInConfiguration } from "./built-in-configuration.ts";
import { fairnessMetrics } from "./fairness-metrics.ts";
import { isLongRunning, requestTimeoutMs, waitLimitMs } from "./request-limits.ts";
import { type Asked, type Costs, requestWork } from "./request-work.ts";
import { WatchCounts } from "./watch-counts.ts";

/** Seats of all levels: as many as kube-apiserver's 400 reading and 200 writing requests in flight. */
export const seatsTotalDefault = 600;
/** Requests that wait, and the memory that their bodies take. Past it: 429, see @triarch/flow-control. */
export const requestsWaitingMax = 5_000;
export const waitingBytesMax = 256 * 1024 * 1024;

export interface FairRequest extends Asked {
  readonly user: UserInfo;
  readonly bodyBytes: number;
  /** Aborted when the client is gone or has its whole answer. */
  readonly signal: () => AbortSignal;
}

export interface FairnessOptions {
  readonly store: Pick<ResourceStore, "count">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly metrics: MetricsRegistry;
  /** Default: `seatsTotalDefault`. */
  readonly seatsTotal?: number | undefined;
  /** 32 bits, another one for each server. */
  readonly hashSeed: number;
}

export class Fairness {
  /** For dumps. */
  readonly controller: FlowController;
  readonly #options: FairnessOptions;
  readonly #costs: Costs;
  readonly #headers = new WeakMap<FlowSchemaState, Readonly<Record<string, string>>>();
  readonly #waiters = new Map<Ticket, () => void>();
  readonly #timers = new Set<Timer>();

  constructor(options: FairnessOptions) {
    const { seatsTotal = seatsTotalDefault, hashSeed, metrics, clock, timers } = options;
    this.#options = options;
    this.#costs = { store: options.store, watches: new WatchCounts() };
    const bounds = { waitingMax: requestsWaitingMax, waitingBytesMax, hashSeed };
    this.controller = new FlowController({ seatsTotal, ...bounds });
    const { schemas, levels } = builtInConfiguration();
    this.configure(schemas, levels);
    fairnessMetrics(metrics, this.controller);
    this.#timers.add(timers.every(adjustPeriodMs, () => this.#wake(this.controller.adjust(clock.monotonicMs()))));
  }

  configure(schemas: readonly FlowSchemaConfig[], levels: readonly PriorityLevelConfig[]): void {
    this.#wake(this.controller.configure(schemas, levels, this.#nowMs()));
  }

  /** Serves a request when it is its turn. @returns the answer with the headers that name its level; or 429 */
  async run(request: FairRequest, serve: () => Promise<Answer>): Promise<Answer> {
    const { user, attributes, bodyBytes } = request;
    if (isLongRunning(attributes)) return serve();
    const schema = this.controller.classify(user, attributes);
    const work = requestWork(request, schema.level.requestSeatsMax, this.#costs);
    const arrival = { user, request: attributes, work, bytes: bodyBytes };
    const started: Ticket[] = [];
    const ticket = this.controller.arrive(schema, arrival, this.#nowMs(), started);
    if (started.length > 0) this.#wake(started);
    if (ticket.state === "waiting") await this.#seat(ticket, request);
    if (ticket.state === "refused") return this.#refusal(schema);
    let answer: Answer;
    try {
      answer = await serve();
    } catch (error) {
      this.#finish(ticket);
      throw error;
    }
    return this.#leave(ticket, request, withHeaders(answer, this.#headersOf(schema)));
  }

  /** Nothing is adjusted any more; what waits is let go by its clients' signals. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  /** Resolves when the ticket executes, or goes unserved. */
  async #seat(ticket: Ticket, { query, signal: signalOf }: FairRequest): Promise<void> {
    const signal = signalOf();
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        limit.cancel();
        signal.removeEventListener("abort", onGone);
        this.#waiters.delete(ticket);
        resolve();
      };
      const giveUp = (reason: "time-out" | "cancelled"): void => {
        if (ticket.state !== "waiting") return;
        this.#wake(this.controller.withdraw(ticket, reason, this.#nowMs()));
        settle();
      };
      const onGone = (): void => giveUp("cancelled");
      const limit = this.#options.timers.after(waitLimitMs(query), () => giveUp("time-out"));
      this.#waiters.set(ticket, settle);
      if (signal.aborted) onGone();
      else signal.addEventListener("abort", onGone, { once: true });
    });
  }

  #wake(started: readonly Ticket[]): void {
    for (const ticket of started) this.#waiters.get(ticket)?.();
  }

  #finish(ticket: Ticket): void {
    if (ticket.state !== "executing") return;
    const nowMs = this.#nowMs();
    const { stats, startedMs, request } = ticket;
    (request.verb === "watch" ? stats.watchStartSeconds : stats.executionSeconds).observe((nowMs - startedMs) / 1000);
    this.#wake(this.controller.finish(ticket, nowMs));
    if (!this.#isLingering(ticket)) return;
    this.#after(ticket.work.lingerMs, () => this.#wake(this.controller.release(ticket, this.#nowMs())));
  }

  #isLingering(ticket: Ticket): boolean {
    return ticket.state === "lingering";
  }

  #leave(ticket: Ticket, request: FairRequest, answer: Answer): Answer {
    if (answer.kind === "stream" && ticket.request.verb === "watch") return this.#startWatch(ticket, request, answer);
    const isLong = answer.kind === "document" && typeof answer.body === "object" && "parts" in answer.body;
    if (!isLong || ticket.width === 1) this.#finish(ticket);
    else whenOver(request, this.#finishInTime(ticket));
    return answer;
  }

  #startWatch(ticket: Ticket, request: FairRequest, answer: StreamAnswer): StreamAnswer {
    const forget = this.#costs.watches.add(request.attributes, request.query);
    const onStarted = this.#finishInTime(ticket);
    whenOver(request, () => {
      forget();
      onStarted();
    });
    return { ...answer, run: (sink) => answer.run({ ...sink, onStarted }) };
  }

  /** What finishes the ticket. A client that reads too slowly keeps its seats no longer than any request lasts. */
  #finishInTime(ticket: Ticket): () => void {
    const limit = this.#after(requestTimeoutMs, () => this.#finish(ticket));
    return () => {
      limit.cancel();
      this.#finish(ticket);
    };
  }

  #after(delayMs: number, action: () => void): Timer {
    const timer = this.#options.timers.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }

  #refusal(schema: FlowSchemaState): Answer {
    const retryAfter = String(schema.level.retryAfter.seconds);
    return {
      kind: "document",
      statusCode: 429,
      contentType: "text/plain; charset=utf-8",
      body: "Too many requests, please try again later.\n",
      headers: { ...this.#headersOf(schema), "retry-after": retryAfter, "x-content-type-options": "nosniff" },
    };
  }

  /** Uids, not names: what levels are called is not everybody's to know. */
  #headersOf(schema: FlowSchemaState): Readonly<Record<string, string>> {
    const known = this.#headers.get(schema);
    if (known !== undefined) return known;
    const headers = {
      "x-kubernetes-pf-flowschema-uid": schema.config.uid,
      "x-kubernetes-pf-prioritylevel-uid": schema.level.config.uid,
    };
    this.#headers.set(schema, headers);
    return headers;
  }
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  if (answer.kind === "upgrade") return answer;
  return { ...answer, headers: answer.headers === undefined ? headers : { ...headers, ...answer.headers } };
}

/** Once: the client has all of its answer, or is gone. */
function whenOver({ signal: signalOf }: FairRequest, action: () => void): void {
  const signal = signalOf();
  if (signal.aborted) action();
  else signal.addEventListener("abort", action, { once: true });
}
