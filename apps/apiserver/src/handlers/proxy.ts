// The proxy of pods, services and nodes: any method and path, bodies of any length in both directions, upgrades too.
import { failure, pathNotFound, serviceUnavailable, StatusError } from "@triarch/api";
import type { Readable } from "node:stream";
import { request as send } from "undici";
import type { Answer, ApiRequest, StreamSink } from "../http/answer.ts";
import { hostNamed, requestHeaders, responseHeaders, upgradeHeaders } from "../tunnel/forwarded-headers.ts";
import { findUpstream, type Upstream } from "../tunnel/proxy-upstream.ts";
import { htmlBytesMax, type ProxyPlace, rewriteLink, rewrittenPage } from "../tunnel/rewrite.ts";
import { dialProblem, upgradeAnswer } from "../tunnel/upgrade-answer.ts";
import type { ResourceCall } from "./api.ts";

const pathPattern = /^(\/api\/v1\/(?:namespaces\/[^/]+\/)?(?:pods|services|nodes)\/[^/]+\/proxy)(\/.*)?$/;

/** @throws StatusError 400 | 404 | 503 */
export async function handleProxy(call: ResourceCall): Promise<Answer> {
  const { request } = call;
  const [, prefix, path = ""] = pathPattern.exec(request.path) ?? [];
  if (prefix === undefined) throw new StatusError(pathNotFound());
  const upstream = await findUpstream(call);
  const question = request.url.indexOf("?");
  const query = question < 0 ? "" : request.url.slice(question);
  const url = new URL(upstream.origin);
  const place = { prefix, hosts: [url.host, hostNamed(request.headers)] };
  if (request.upgrade !== undefined) {
    const target = `${upstream.origin}${path === "" ? "/" : path}${query}`;
    const headers = { ...upgradeHeaders(request.headers), ...forwarded(request, prefix + path) };
    return upgradeAnswer(request, { url: new URL(target), method: request.method, headers, tls: upstream.tls });
  }
  if (path === "" && (request.method === "GET" || request.method === "HEAD")) return toFolder(request.path, query);
  return pass(request, upstream, { place, path: `${path === "" ? "/" : path}${query}`, uri: prefix + path });
}

/** Relative links of the page at the root hold only when its path ends in a slash. */
function toFolder(path: string, query: string): Answer {
  const headers = { location: `${path}/${query}` };
  return { kind: "document", statusCode: 301, contentType: "text/plain", body: "", headers };
}

function forwarded(request: ApiRequest, uri: string): Record<string, string> {
  return {
    "x-forwarded-uri": uri,
    "x-forwarded-host": hostNamed(request.headers),
    "x-forwarded-proto": "https",
  };
}

interface Passing {
  readonly place: ProxyPlace;
  readonly path: string;
  /** What the client asked for. */
  readonly uri: string;
}

async function pass(request: ApiRequest, upstream: Upstream, { place, path, uri }: Passing): Promise<Answer> {
  const length = request.headers["content-length"];
  const hasBody = request.bodyStream !== undefined && (length !== undefined || "transfer-encoding" in request.headers);
  const answer = await send(upstream.origin + path, {
    dispatcher: upstream.dispatcher,
    method: request.method,
    headers: {
      ...requestHeaders(request.headers),
      ...(hasBody && length !== undefined ? { "content-length": length } : {}),
      ...forwarded(request, uri),
    },
    body: hasBody ? (request.bodyStream ?? null) : null,
    signal: request.signal(),
  }).catch((error: unknown) => {
    if (request.signal().aborted) throw new StatusError(failure(499, "ClientClosedRequest", "the client is gone"));
    const why = `error trying to reach service: ${dialProblem(error)}`;
    throw new StatusError(serviceUnavailable(why), { cause: error });
  });
  const { "content-type": type, ...headers } = responseHeaders(answer.headers);
  const { location } = headers;
  if (typeof location === "string") headers["location"] = rewriteLink(location, place);
  const contentType = typeof type === "string" ? type : undefined;
  const head = { statusCode: answer.statusCode, contentType: contentType ?? "", headers };
  const isPage = contentType?.toLowerCase().startsWith("text/html") === true && request.method !== "HEAD";
  const page = isPage ? await wholePage(answer.body) : { kind: "long" as const, begin: [] };
  if (page.kind === "long") {
    return { kind: "stream", ...head, run: (sink) => passBody(page.begin, answer.body, sink) };
  }
  const rewritten = rewrittenPage(page.bytes, String(headers["content-encoding"] ?? ""), place);
  if (rewritten !== undefined) delete headers["content-encoding"];
  delete headers["content-length"];
  return { kind: "document", ...head, headers, body: rewritten ?? page.bytes };
}

type Page =
  | { readonly kind: "whole"; readonly bytes: Buffer }
  /** More than is rewritten: what was read of it so far. */
  | { readonly kind: "long"; readonly begin: readonly Buffer[] };

async function wholePage(body: Readable): Promise<Page> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > htmlBytesMax) return { kind: "long", begin: chunks };
  }
  return { kind: "whole", bytes: Buffer.concat(chunks) };
}

/** A server that goes away in the middle ends the answer the hard way: what came is not all there was. */
function passBody(begin: readonly Buffer[], body: Readable, sink: StreamSink): void {
  sink.signal.addEventListener("abort", () => body.destroy());
  body.on("error", () => sink.abort());
  sink.onDrained(() => body.resume());
  for (const chunk of begin) sink.write(chunk);
  body.on("data", (chunk: Buffer) => {
    if (!sink.write(chunk)) body.pause();
  });
  body.on("end", () => sink.end());
}
