// One plain HTTP request, alike over HTTP/1.1 and HTTP/2.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Readable, Writable } from "node:stream";

export interface HttpExchange {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the exchange is over or the client is gone. */
  readonly signal: AbortSignal;
  /** @returns undefined past `bytesMax`; the rest is thrown away */
  body(bytesMax: number): Promise<Buffer | undefined>;
  /** Status and headers; text follows by `out`. */
  begin(status: number, headers: Readonly<Record<string, string>>): Writable;
  /** Ends it at once: what happened cannot be told any more. */
  cut(): void;
}

export function http1Exchange(request: IncomingMessage, response: ServerResponse): HttpExchange {
  return {
    ...shared(request, response),
    method: request.method ?? "",
    url: request.url ?? "",
    headers: request.headers,
    begin: (status, headers) => response.writeHead(status, headers),
    cut: () => void response.destroy(),
  };
}

export function http2Exchange(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): HttpExchange {
  return {
    ...shared(stream, stream),
    method: String(headers[":method"] ?? ""),
    url: String(headers[":path"] ?? ""),
    headers,
    begin: (status, answerHeaders) => {
      if (!stream.destroyed) stream.respond({ ":status": status, ...answerHeaders });
      return stream;
    },
    cut: () => void stream.destroy(),
  };
}

export function answer(exchange: HttpExchange, status: number, type: string, text: string): void {
  exchange.begin(status, { "content-type": type, "content-length": String(Buffer.byteLength(text)) }).end(text);
}

function shared(incoming: Readable, outgoing: Writable): Pick<HttpExchange, "signal" | "body"> {
  const over = new AbortController();
  outgoing.once("close", () => over.abort());
  outgoing.on("error", () => undefined); // "close" follows
  return {
    signal: over.signal,
    async body(bytesMax) {
      const parts: Buffer[] = [];
      let bytes = 0;
      for await (const part of incoming as AsyncIterable<Buffer>) {
        bytes += part.length;
        if (bytes <= bytesMax) parts.push(part);
      }
      return bytes <= bytesMax ? Buffer.concat(parts) : undefined;
    },
  };
}
