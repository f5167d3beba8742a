// What a handler gives back. It knows nothing of HTTP versions or WebSockets: the server writes it out.
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { FailureStatus } from "@triarch/api";
import type { UserInfo } from "@triarch/auth";
import type { TunnelEnd } from "../tunnel/tunnel.ts";
import type { RequestInfo } from "./request-info.ts";

export interface ApiRequest {
  readonly method: string;
  /** As it was sent, with the query. */
  readonly url: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Empty when there is none. */
  readonly body: Uint8Array;
  /** The body of a request that is only passed on: not read yet. Undefined: there is none, or it is in `body`. */
  readonly bodyStream: Readable | undefined;
  /** What the client wants to speak from now on (`websocket`, `SPDY/3.1`); undefined: HTTP as usual. */
  readonly upgrade: string | undefined;
  readonly user: UserInfo;
  readonly info: RequestInfo;
  /** The client is gone or the server stops. */
  readonly signal: () => AbortSignal;
  /** Texts for `Warning` headers; handlers add to it. */
  readonly warnings: string[];
}

export interface DocumentAnswer {
  readonly kind: "document";
  readonly statusCode: number;
  readonly contentType: string;
  readonly body: Uint8Array | string | PartedBody;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** A body that is made while it leaves, as fast as the client takes it. */
export interface PartedBody {
  /**
   * Called once. An empty part is a pause, in which others get their turn. A failure after the first part breaks the
   * connection.
   */
  parts(): Iterable<Uint8Array>;
}

/** Lines or bytes for as long as the source lasts: watches, logs, what a proxied server says. */
export interface StreamAnswer {
  readonly kind: "stream";
  readonly contentType: string;
  /** Default: 200. */
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Starts the source. Called once, after the head of the answer is on its way. */
  run(sink: StreamSink): void;
}

export interface StreamSink {
  /** @returns false when the client's buffer is full: no more until `drained` was called */
  write(chunk: Uint8Array): boolean;
  /** One handler: called each time there is room again. */
  onDrained(handler: () => void): void;
  end(): void;
  /** The source says once that everything has been sent that was there when it began; only watches say it. */
  onStarted?: () => void;
  /** Breaks the connection, so that the client sees that the answer is not whole. */
  abort(): void;
  /** The client is gone or the server stops. */
  readonly signal: AbortSignal;
}

/** The connection is the client's and upstream's own from now on. */
export interface UpgradeAnswer {
  readonly kind: "upgrade";
  /** Of upstream's 101: name, value, name, value. */
  readonly rawHeaders: readonly string[];
  /** Called once, after the head of the answer has been written. */
  run(client: TunnelEnd, signal: AbortSignal): void;
  /** Instead of `run`, when the client has gone meanwhile. */
  giveUp(): void;
}

export type Answer = DocumentAnswer | StreamAnswer | UpgradeAnswer;

/** A parted body whole: for answers that are not worth streaming. */
export function wholeBody(body: DocumentAnswer["body"]): Uint8Array {
  if (typeof body === "string") return Buffer.from(body);
  return "parts" in body ? Buffer.concat([...body.parts()]) : body;
}

export const jsonType = "application/json";

export function jsonAnswer(document: unknown, statusCode = 200, contentType = jsonType): DocumentAnswer {
  return { kind: "document", statusCode, contentType, body: JSON.stringify(document) };
}

export function textAnswer(body: string, statusCode = 200): DocumentAnswer {
  return { kind: "document", statusCode, contentType: "text/plain; charset=utf-8", body };
}

export function statusAnswer(status: FailureStatus): DocumentAnswer {
  const retryAfter = status.details?.retryAfterSeconds;
  return {
    ...jsonAnswer(status, status.code),
    ...(retryAfter === undefined ? {} : { headers: { "retry-after": String(retryAfter) } }),
  };
}
