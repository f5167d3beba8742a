// The JSON gateway: POST of a request as JSON to /v3/..., the answer as JSON; streams as one JSON object a line. Bytes are
// base64, 64-bit integers strings, names those of the .proto files. Source: etcd's documentation of its gRPC gateway.
import type { Writable } from "node:stream";
import { DecodeError } from "@triarch/etcd-proto";
import { tokenOf, type Callers, type Methods } from "./auth-callers.ts";
import { receiveBytesMax } from "./frames.ts";
import { sendBufferBytesMax, type CallContext, type Method, type Outgoing } from "./grpc-server.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { answer, type HttpExchange } from "./http-exchange.ts";
import { GrpcError, grpcCodes, grpcErrorOf } from "./status.ts";

/** JSON is longer than what it stands for: base64 takes a third more. */
const bodyBytesMax = 2 * receiveBytesMax;
const jsonType = "application/json";

export function isGatewayPath(path: string): boolean {
  return path === "/v3" || path.startsWith("/v3/");
}

/** @param path one that `isGatewayPath` knows */
export async function serveGateway(exchange: HttpExchange, path: string, callers: Callers): Promise<void> {
  const name = gatewayRoutes[path];
  if (name === undefined) return refuse(exchange, new GrpcError(grpcCodes.notFound, "Not Found"));
  if (exchange.method !== "POST") return refuse(exchange, new GrpcError(grpcCodes.unimplemented, "Method Not Allowed"));
  try {
    const requests = await readRequests(exchange);
    const token = tokenOf(exchange.headers);
    const methods: Methods = await callers.methodsFor(token === undefined ? {} : { token });
    const method = methods.get(`/${name}`);
    if (method === undefined) throw new GrpcError(grpcCodes.unimplemented, `${name} is not served here`);
    const context: CallContext = { headers: exchange.headers, signal: exchange.signal };
    if (method.kind === "unary") {
      const result = await method.call(method.fromJson(onlyOne(requests)) as never, context);
      return answer(exchange, 200, jsonType, JSON.stringify(method.toJson(result as never)));
    }
    await serveLines(exchange, method, { requests, context });
  } catch (error) {
    refuse(exchange, errorOf(error));
  }
}

/** The older gateway's `error` and the newer one's `message` say the same. */
function refuse(exchange: HttpExchange, { code, message }: GrpcError): void {
  answer(exchange, httpStatusOf(code), jsonType, JSON.stringify({ error: message, message, code }));
}

interface StreamCall {
  readonly requests: readonly unknown[];
  readonly context: CallContext;
}

type Streaming = Exclude<Method, { readonly kind: "unary" }>;

/** Each message as `{"result":...}` on a line of its own, a failure as `{"error":...}` on the last. */
async function serveLines(exchange: HttpExchange, method: Streaming, call: StreamCall): Promise<void> {
  const requests = call.requests.map((request) => method.fromJson(request) as never);
  let out: Writable | undefined;
  const begun = (): Writable => (out ??= exchange.begin(200, { "content-type": jsonType }));
  const drains: (() => void)[] = [];
  const outgoing: Outgoing<never> = {
    send: (message) => {
      begun().write(`${JSON.stringify({ result: method.toJson(message) })}\n`);
      if (begun().writableLength < sendBufferBytesMax) return true;
      begun().once("drain", () => drains.forEach((drained) => drained()));
      return false;
    },
    onDrain: (handler) => void drains.push(handler),
  };
  try {
    if (method.kind === "serverStream") await method.call(onlyOne(requests) as never, outgoing, call.context);
    else await untilEnd(method, requests, outgoing, call);
    begun().end();
  } catch (error) {
    if (out === undefined) throw error;
    const { code, message } = errorOf(error);
    const failure = { grpc_code: code, http_code: httpStatusOf(code), message };
    begun().end(`${JSON.stringify({ error: failure })}\n`);
  }
}

function untilEnd(
  method: Method & { readonly kind: "bidi" },
  requests: readonly never[],
  outgoing: Outgoing<never>,
  { context }: StreamCall,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const handler = method.open(outgoing, context, {
      end: (error) => (error === undefined ? resolve() : reject(error)),
      resume: () => undefined, // all there is has been read
    });
    context.signal.addEventListener("abort", () => {
      handler.onClose();
      resolve();
    });
    for (const request of requests) handler.onMessage(request);
    handler.onHalfClose();
  });
}

/** One JSON value, or one a line. @throws GrpcError */
async function readRequests(exchange: HttpExchange): Promise<readonly unknown[]> {
  const body = await exchange.body(bodyBytesMax);
  if (body === undefined)
    throw new GrpcError(grpcCodes.resourceExhausted, `the request is longer than ${bodyBytesMax} bytes`);
  const text = body.toString("utf8").trim();
  if (text === "") return [{}];
  try {
    return [JSON.parse(text) as unknown];
  } catch (error) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    try {
      if (lines.length > 1) return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      // told below, as for a single value
    }
    throw new GrpcError(grpcCodes.invalidArgument, error instanceof Error ? error.message : String(error));
  }
}

function onlyOne(requests: readonly unknown[]): unknown {
  if (requests.length === 1) return requests[0];
  throw new GrpcError(grpcCodes.invalidArgument, "one request is expected, not several");
}

function errorOf(error: unknown): GrpcError {
  if (error instanceof DecodeError) return new GrpcError(grpcCodes.invalidArgument, error.message);
  return grpcErrorOf(error);
}

/** As gRPC's gateway maps them. */
function httpStatusOf(code: number): number {
  switch (code) {
    case grpcCodes.invalidArgument:
    case grpcCodes.failedPrecondition:
    case grpcCodes.outOfRange:
      return 400;
    case grpcCodes.unauthenticated:
      return 401;
    case grpcCodes.permissionDenied:
      return 403;
    case grpcCodes.notFound:
      return 404;
    case grpcCodes.cancelled:
      return 408;
    case grpcCodes.alreadyExists:
    case grpcCodes.aborted:
      return 409;
    case grpcCodes.resourceExhausted:
      return 429;
    case grpcCodes.unimplemented:
      return 501;
    case grpcCodes.unavailable:
      return 503;
    case grpcCodes.deadlineExceeded:
      return 504;
    default:
      return 500;
  }
}
