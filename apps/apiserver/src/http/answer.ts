// What a handler gives back. It knows nothing of HTTP versions or WebSockets: the server writes it out.
import type { IncomingHttpHeaders } from "node:http";
import type { FailureStatus } from "@triarch/api";
import type { UserInfo } from "@triarch/auth";
import type { RequestInfo } from "./request-info.ts";

export interface ApiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Empty when there is none. */
  readonly body: Uint8Array;
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
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Lines or bytes for as long as the source lasts: watches and logs. */
export interface StreamAnswer {
  readonly kind: "stream";
  readonly contentType: string;
  /** Starts the source. Called once, after the head of the answer is on its way. */
  run(sink: StreamSink): void;
}

export interface StreamSink {
  /** @returns false when the client's buffer is full: no more until `drained` was called */
  write(chunk: Uint8Array): boolean;
  /** One handler: called each time there is room again. */
  onDrained(handler: () => void): void;
  end(): void;
  /** Breaks the connection, so that the client sees that the answer is not whole. */
  abort(): void;
  /** The client is gone or the server stops. */
  readonly signal: AbortSignal;
}

export type Answer = DocumentAnswer | StreamAnswer;

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
