import { once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import type { MessageType } from "@triarch/etcd-proto";
import { encodeFrame, FrameDecoder } from "../src/frames.ts";
import { decodeGrpcMessage } from "../src/status.ts";
import type { EtcdPort } from "./etcd-port.ts";

export function openSession({ url, caPem, client }: EtcdPort): ClientHttp2Session {
  return connect(url, { ca: caPem, cert: client.certificatePem, key: client.keyPem, maxSessionMemory: 1_000 });
}

export interface CallEnd {
  readonly code: number;
  readonly message: string;
}

/** One call, frame by frame: what a careless or hostile client does is in the tests' hands. */
export class RawCall<In, InInit, Out, OutInit> {
  readonly stream: ClientHttp2Stream;
  readonly received: Out[] = [];
  /** The status, wherever it came; code -1 when there was none. */
  readonly ended: Promise<CallEnd>;
  readonly #input: MessageType<In, InInit>;

  constructor(
    session: ClientHttp2Session,
    path: string,
    types: { readonly input: MessageType<In, InInit>; readonly output: MessageType<Out, OutInit> },
    headers: OutgoingHttpHeaders = {},
  ) {
    this.#input = types.input;
    const request = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request({ ...request, ...headers }, { endStream: false });
    this.stream = stream;
    let end: CallEnd = { code: -1, message: "" };
    const readStatus = (fields: Record<string, unknown>): void => {
      if (fields["grpc-status"] === undefined) return;
      const message = typeof fields["grpc-message"] === "string" ? fields["grpc-message"] : "";
      end = { code: Number(fields["grpc-status"]), message: decodeGrpcMessage(message) };
    };
    stream.on("response", readStatus).on("trailers", readStatus);
    stream.on("error", () => undefined);
    const decoder = new FrameDecoder(1 << 30);
    stream.on("data", (chunk: Buffer) => {
      for (const message of decoder.push(chunk)) this.received.push(types.output.decode(message));
    });
    this.ended = new Promise((resolve) => {
      for (const event of ["end", "close"]) stream.once(event, () => resolve(end));
    });
  }

  send(message: InInit): void {
    this.stream.write(encodeFrame(this.#input.encode(message)));
  }

  /** Resolves once the condition holds; it is looked at after each message. */
  async until(condition: (received: readonly Out[]) => boolean): Promise<void> {
    while (!condition(this.received)) await once(this.stream, "data");
  }
}

/** One call with one request. @returns how it ended, and what came */
export async function callOnce<In, InInit, Out, OutInit>(
  session: ClientHttp2Session,
  path: string,
  types: { readonly input: MessageType<In, InInit>; readonly output: MessageType<Out, OutInit> },
  request: InInit,
  headers: OutgoingHttpHeaders = {},
): Promise<CallEnd & { readonly received: readonly Out[] }> {
  const call = new RawCall(session, path, types, headers);
  call.send(request);
  call.stream.end();
  return { ...(await call.ended), received: call.received };
}
