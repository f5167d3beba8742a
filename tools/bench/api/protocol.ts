// What the bench and its load process tell each other, as JSON over the channel of the fork.
import type { LoadTls } from "../etcd/grpc-load.ts";

/** In paths and bodies: stands for the request's number, in as many digits. */
export const numberMark = "########";

export interface RequestShape {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly accept?: string;
  /** JSON. */
  readonly body?: string;
}

/** A closed loop: each connection sends its next request when the answer to the one before has come. */
export interface LoopOrder {
  readonly kind: "loop";
  readonly request: RequestShape;
  readonly connections: number;
  /** The loop ends after so long or after so many requests, whichever is given. */
  readonly durationMs?: number;
  readonly requests?: number;
  /** Of the first request; the next ones count up. */
  readonly firstNumber: number;
  /** Numbers start anew after so many. */
  readonly numbers?: number;
  /** The master of the first connection; the next ones go round. */
  readonly firstMaster: number;
  readonly expectedStatus: number;
}

export interface LoopResult {
  /** Answered, from the first sent to the last answered. */
  readonly count: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** User and system time of the load process. */
  readonly cpuMs: number;
}

/** One list, read to its last byte. */
export interface FetchOrder {
  readonly kind: "fetch";
  readonly request: RequestShape;
  readonly master: number;
  /** Pages until there is none left; the path has a limit then. */
  readonly paged: boolean;
}

export interface FetchResult {
  readonly elapsedMs: number;
  readonly bodyBytes: number;
  readonly requests: number;
  readonly cpuMs: number;
}

/** Watches over all masters; they stay until `unwatch`. Returns when all have been answered. */
export interface WatchOrder {
  readonly kind: "watch";
  readonly path: string;
  readonly watches: number;
  /** HTTP/1.1: a connection each. HTTP/2: a few connections with up to 250 streams each. */
  readonly over: "http/1.1" | "h2";
}

/** One write after the other; each is seen by all watches before the next is sent. */
export interface UpdatesOrder {
  readonly kind: "updates";
  readonly request: RequestShape;
  readonly updates: number;
  readonly firstNumber: number;
}

export interface UpdatesResult {
  /** From sending each write until the last watch has its event. */
  readonly seenMs: readonly number[];
  readonly cpuMs: number;
}

export interface UnwatchOrder {
  readonly kind: "unwatch";
}

export type LoadOrder = LoopOrder | FetchOrder | WatchOrder | UpdatesOrder | UnwatchOrder;

export interface ResultOf {
  readonly loop: LoopResult;
  readonly fetch: FetchResult;
  readonly watch: undefined;
  readonly updates: UpdatesResult;
  readonly unwatch: undefined;
}

/** Of the masters, in the cluster's order. */
export interface LoadTargets {
  readonly urls: readonly string[];
  readonly tls: LoadTls;
}

export type ToLoad =
  | { readonly kind: "targets"; readonly targets: LoadTargets }
  | { readonly kind: "order"; readonly id: number; readonly order: LoadOrder };

export type FromLoad =
  | { readonly kind: "done"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly message: string };
