// Requests to the API over all masters: undici pools beneath, the balancer decides, one place knows what may be sent
// again. What may not: a request that is not idempotent and may have reached a server.
import { setTimeout as delay } from "node:timers/promises";
import { Pool, type Dispatcher } from "undici";
import type { Clock, Rng } from "@triarch/base";
import type { Status } from "@triarch/api";
import { Balancer, type Master } from "./balancer.ts";
import type { ClusterAccess } from "./kubeconfig.ts";
import { NoRoomError } from "./no-room.ts";
import { ApiError, TransportError } from "./types.ts";

/** Largest answer that is read whole. */
const answerBytesMax = 512 * 1024 * 1024;
/** Time between looks at every master's `/readyz`, and how long one look may take. */
const probeIntervalMs = 500;
const probeTimeoutMs = 1_000;
/** Wait when every master failed, doubling up to the maximum. */
const roundBackoffFirstMs = 20;
const roundBackoffMaxMs = 500;

export interface HttpClientOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly userAgent: string;
  /** A request, with all its tries, ends after this long. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Connections per master. Default 64; more requests wait for one. */
  readonly connectionsMax?: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** May be sent again although an earlier try may have been carried out. */
  readonly idempotent: boolean;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
  /** An earlier try of this request may have been carried out: a 404 or 409 may be its own doing. */
  readonly afterUnknownOutcome: boolean;
}

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #balancer: Balancer;
  readonly #pools = new Map<string, Pool>();
  readonly #closing = new AbortController();
  #probing: Promise<void> | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#balancer = new Balancer(options.access.servers, options);
  }

  setServers(urls: readonly string[]): void {
    this.#balancer.setServers(urls);
  }

  /** Healthy masters first known by outcome and probe; for status displays. */
  masters(): readonly { readonly url: string; readonly healthy: boolean }[] {
    return this.#balancer.masters.map((master) => ({ url: master.url, healthy: master.failures === 0 }));
  }

  /** @throws TransportError when no master gave an answer in time or the outcome is unknown */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    let afterUnknownOutcome = false;
    return this.#overMasters(request, async (master, signal) => {
      try {
        const answer = await this.#send(master, request, { signal, bodyTimeoutMs: 30_000 });
        const body = await readBody(answer.body);
        if (isNotProcessed(answer.statusCode, answer.headers)) {
          throw notProcessed(master, answer, `: ${Buffer.from(body).toString("utf8", 0, 300)}`);
        }
        return { statusCode: answer.statusCode, headers: answer.headers, body, afterUnknownOutcome };
      } catch (error) {
        const failure = transportFailure(error, master.url);
        if (!failure.notSent) afterUnknownOutcome = true;
        throw failure;
      }
    });
  }

  /**
   * Opens a long-lived answer (watch, log) on one master. The stream ends with an error when that master dies or is
   * ejected; going on elsewhere is the caller's business.
   */
  async open(request: Omit<HttpRequest, "idempotent">): Promise<{
    readonly statusCode: number;
    readonly headers: HttpAnswer["headers"];
    readonly body: AsyncIterable<Uint8Array>;
  }> {
    return this.#overMasters({ ...request, idempotent: true }, async (master) => {
      const signals = [master.ejection.signal, this.#closing.signal, ...(request.signal ? [request.signal] : [])];
      const answer = await this.#send(master, request, { signal: AbortSignal.any(signals), bodyTimeoutMs: 0 });
      if (isNotProcessed(answer.statusCode, answer.headers)) {
        await answer.body.dump();
        throw notProcessed(master, answer, "");
      }
      return { statusCode: answer.statusCode, headers: answer.headers, body: this.#counted(master, answer.body) };
    });
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the client was closed"));
    await this.#probing;
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }

  async *#counted(master: Master, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    master.inflight += 1;
    try {
      yield* body;
    } catch (error) {
      throw transportFailure(error, master.url);
    } finally {
      master.inflight -= 1;
    }
  }

  /** Tries masters until one gives an answer, the request may not be sent again, or time is up. */
  async #overMasters<T>(
    request: HttpRequest,
    attempt: (master: Master, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, rng } = this.#options;
    const timeoutMs = this.#options.requestTimeoutMs ?? 30_000;
    const deadline = clock.monotonicMs() + timeoutMs;
    this.#probing ??= this.#probe();
    const tried = new Set<Master>();
    let roundBackoffMs = roundBackoffFirstMs;
    /** The shortest time that a master without room has named in this round. */
    let comeAgainMs = Infinity;
    for (;;) {
      const master = this.#balancer.pick(tried);
      if (master === undefined) {
        tried.clear();
        const wantedMs = roundBackoffMs * (0.5 + rng.next());
        const waitMs = comeAgainMs === Infinity ? wantedMs : Math.max(comeAgainMs * (1 + rng.next() / 4), wantedMs);
        comeAgainMs = Infinity;
        const signal = this.#stopSignal(request);
        const leftMs = Math.max(deadline - clock.monotonicMs(), 0);
        await delay(Math.min(waitMs, leftMs), undefined, { signal }).catch(() => undefined);
        roundBackoffMs = Math.min(roundBackoffMaxMs, roundBackoffMs * 2);
        continue;
      }
      tried.add(master);
      const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - clock.monotonicMs())));
      master.inflight += 1;
      // To give up what can't be repeated elsewhere wins nothing while the master may still answer.
      const givenUp = (request.idempotent ? master.ejection : master.silence).signal;
      try {
        const answer = await attempt(master, AbortSignal.any([timeout, givenUp, this.#stopSignal(request)]));
        this.#balancer.succeeded(master);
        return answer;
      } catch (error) {
        if (this.#closing.signal.aborted) throw new TransportError("the client was closed", false, { cause: error });
        if (request.signal?.aborted === true) throw error;
        const failure = transportFailure(error, master.url);
        if (failure instanceof NoRoomError) comeAgainMs = Math.min(comeAgainMs, failure.retryAfterMs);
        else if (!timeout.aborted && !givenUp.aborted) this.#balancer.failed(master);
        const spent = clock.monotonicMs() >= deadline;
        if (spent) {
          throw new TransportError(`no answer in ${timeoutMs / 1000} s; last: ${failure.message}`, failure.notSent, {
            cause: error,
          });
        }
        if (!request.idempotent && !failure.notSent) throw failure;
      } finally {
        master.inflight -= 1;
      }
    }
  }

  #stopSignal(request: { readonly signal?: AbortSignal }): AbortSignal {
    return request.signal === undefined
      ? this.#closing.signal
      : AbortSignal.any([request.signal, this.#closing.signal]);
  }

  async #send(
    master: Master,
    request: Omit<HttpRequest, "idempotent">,
    options: { readonly signal: AbortSignal; readonly bodyTimeoutMs: number },
  ): Promise<Dispatcher.ResponseData> {
    const { token } = this.#options.access;
    return this.#pool(master.url).request({
      method: request.method,
      path: request.path,
      headers: {
        "user-agent": this.#options.userAgent,
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...request.headers,
      },
      body: request.body ?? null,
      signal: options.signal,
      headersTimeout: 60_000,
      bodyTimeout: options.bodyTimeoutMs,
    });
  }

  #pool(url: string): Pool {
    let pool = this.#pools.get(url);
    if (pool === undefined) {
      const { access } = this.#options;
      pool = new Pool(url, {
        connections: this.#options.connectionsMax ?? 64,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: 30_000,
        connect: {
          timeout: 3_000,
          rejectUnauthorized: !access.insecureSkipTlsVerify,
          ...(access.caPem === undefined ? {} : { ca: access.caPem }),
          ...(access.clientCertificatePem === undefined ? {} : { cert: access.clientCertificatePem }),
          ...(access.clientKeyPem === undefined ? {} : { key: access.clientKeyPem }),
        },
      });
      this.#pools.set(url, pool);
    }
    return pool;
  }

  /** Looks at every master's `/readyz` until the client closes; silence ejects. */
  async #probe(): Promise<void> {
    const stop = this.#closing.signal;
    const look = async (master: Master): Promise<void> => {
      try {
        const signal = AbortSignal.any([AbortSignal.timeout(probeTimeoutMs), stop]);
        const answer = await this.#send(
          master,
          { method: "GET", path: "/readyz" },
          { signal, bodyTimeoutMs: probeTimeoutMs },
        );
        await answer.body.dump();
        this.#balancer.answered(master, answer.statusCode < 500);
      } catch {
        if (!stop.aborted) this.#balancer.failed(master);
      }
    };
    // A master that is slow to answer delays no look at the others.
    const looking = new Map<Master, Promise<void>>();
    while (!stop.aborted) {
      await delay(probeIntervalMs, undefined, { signal: stop, ref: false }).catch(() => undefined);
      if (stop.aborted) break;
      for (const master of this.#balancer.due()) {
        if (!looking.has(master))
          looking.set(
            master,
            look(master).finally(() => looking.delete(master)),
          );
      }
    }
    await Promise.all(looking.values());
  }
}

/** The server said that it did not take the request: overloaded or not ready. */
function isNotProcessed(statusCode: number, headers: HttpAnswer["headers"]): boolean {
  return (statusCode === 503 || statusCode === 429) && headers["retry-after"] !== undefined;
}

function notProcessed(
  { url }: Master,
  { statusCode, headers }: Pick<HttpAnswer, "statusCode" | "headers">,
  why: string,
): TransportError {
  const text = `${url} answered ${statusCode}${why}`;
  return statusCode === 429 ? new NoRoomError(text, headers["retry-after"]) : new TransportError(text, true);
}

const notSentCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function transportFailure(error: unknown, url: string): TransportError {
  if (error instanceof TransportError) return error;
  const code = errorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  return new TransportError(`${url}: ${text}`, code !== undefined && notSentCodes.has(code), { cause: error });
}

function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  return errorCode(error.cause);
}

async function readBody(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** The `ApiError` for an answer outside 2xx; also for bodies that are not a Status. */
export function apiErrorOf(statusCode: number, body: Uint8Array): ApiError {
  const text = Buffer.from(body).toString("utf8");
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === "Status") return new ApiError(statusCode, status);
  } catch {
    // Not JSON: a proxy's page, or a plain-text answer.
  }
  return new ApiError(statusCode, {
    kind: "Status",
    status: "Failure",
    code: statusCode,
    reason: "Unknown",
    message: text.slice(0, 500),
  });
}
