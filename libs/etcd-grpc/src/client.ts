// A small etcd client for one endpoint: what our own command line asks of a member.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import * as proto from "@triarch/etcd-proto";
import type { MessageType } from "@triarch/etcd-proto";
import { encodeFrame, FrameDecoder, receiveBytesMax } from "./frames.ts";
import { decodeGrpcMessage, GrpcError, grpcCodes } from "./status.ts";

/** Largest message taken from a server. */
const answerBytesMax = 64 * 1024 * 1024;
/** Largest message sent: no server takes more, and one that nobody reads would fill the session's memory. */
const requestBytesMax = receiveBytesMax;

export interface EtcdClientOptions {
  /** `https://host:port`, or `http://` for a plain port. */
  readonly url: string;
  readonly tls?: { readonly caPem: string; readonly certificatePem: string; readonly keyPem: string };
  /** For one unary call, connecting included. Default 5 s. */
  readonly timeoutMs?: number;
}

/** Rejects with `GrpcError`; code 14 when the endpoint is out of reach, 4 when `timeoutMs` is over. */
export interface EtcdClient {
  status(): Promise<proto.StatusResponse>;
  memberList(): Promise<proto.Value<typeof proto.MemberListResponse>>;
  /** Changes of membership: the store's refusals come with etcd's codes and texts. */
  memberAdd(request: proto.MemberAddRequestInit): Promise<proto.MemberAddResponse>;
  memberRemove(id: bigint): Promise<void>;
  memberPromote(id: bigint): Promise<void>;
  /** A learner takes a voter's place. Only our own masters know this call. */
  memberReplace(request: { readonly learnerId: bigint; readonly removedId: bigint }): Promise<void>;
  range(request: proto.RangeRequestInit): Promise<proto.RangeResponse>;
  put(request: proto.PutRequestInit): Promise<proto.PutResponse>;
  moveLeader(targetId: bigint): Promise<void>;
  hashKv(revision: number): Promise<proto.HashKvResponse>;
  /** The whole snapshot file, its checksum included. Ends with an error when the stream ends early. */
  snapshot(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export function connectEtcd(options: EtcdClientOptions): EtcdClient {
  const timeoutMs = options.timeoutMs ?? 5_000;
  let session: ClientHttp2Session | undefined;

  function open(path: string): ClientHttp2Stream {
    if (session === undefined || session.closed || session.destroyed) {
      session = connect(options.url, {
        ...(options.tls === undefined
          ? {}
          : { ca: options.tls.caPem, cert: options.tls.certificatePem, key: options.tls.keyPem }),
      });
      session.on("error", () => undefined); // each stream tells it to its caller
    }
    return session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
  }

  async function* call<Out, OutInit>(
    path: string,
    request: Uint8Array,
    output: MessageType<Out, OutInit>,
    signal?: AbortSignal,
  ): AsyncGenerator<Out> {
    if (signal?.aborted === true) throw abortError(signal.reason);
    if (request.length > requestBytesMax) {
      const text = `grpc: trying to send message larger than max (${request.length} vs. ${requestBytesMax})`;
      throw new GrpcError(grpcCodes.resourceExhausted, text);
    }
    const stream = open(path);
    let status: GrpcError | undefined = new GrpcError(
      grpcCodes.unavailable,
      `${options.url}: the call ended without a status`,
    );
    const readStatus = (headers: Record<string, unknown>): void => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      const message = typeof headers["grpc-message"] === "string" ? decodeGrpcMessage(headers["grpc-message"]) : "";
      status = Number(code) === 0 ? undefined : new GrpcError(Number(code), message);
    };
    stream.on("response", readStatus);
    stream.on("trailers", readStatus);
    const abort = (): void => {
      stream.destroy(abortError(signal?.reason));
    };
    signal?.addEventListener("abort", abort, { once: true });
    const decoder = new FrameDecoder(answerBytesMax);
    try {
      stream.end(encodeFrame(request));
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        for (const message of decoder.push(chunk)) yield output.decode(message);
      }
    } catch (error) {
      if (error instanceof GrpcError) throw error;
      throw new GrpcError(
        grpcCodes.unavailable,
        `${options.url}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    } finally {
      signal?.removeEventListener("abort", abort);
      stream.destroy();
    }
    if (status !== undefined) throw status;
  }

  async function unary<In, InInit, Out, OutInit>(
    path: string,
    input: MessageType<In, InInit>,
    request: InInit,
    output: MessageType<Out, OutInit>,
  ): Promise<Out> {
    const signal = AbortSignal.timeout(timeoutMs);
    let answer: Out | undefined;
    for await (const message of call(path, input.encode(request), output, signal)) answer = message;
    if (answer === undefined) throw new GrpcError(grpcCodes.internal, `${path} answered without a message`);
    return answer;
  }

  return {
    status: () => unary("/etcdserverpb.Maintenance/Status", proto.StatusRequest, {}, proto.StatusResponse),
    memberList: () =>
      unary(
        "/etcdserverpb.Cluster/MemberList",
        proto.MemberListRequest,
        { linearizable: true },
        proto.MemberListResponse,
      ),
    memberAdd: (request) =>
      unary("/etcdserverpb.Cluster/MemberAdd", proto.MemberAddRequest, request, proto.MemberAddResponse),
    async memberRemove(id) {
      await unary("/etcdserverpb.Cluster/MemberRemove", proto.MemberRemoveRequest, { id }, proto.MemberRemoveResponse);
    },
    async memberPromote(id) {
      await unary(
        "/etcdserverpb.Cluster/MemberPromote",
        proto.MemberPromoteRequest,
        { id },
        proto.MemberPromoteResponse,
      );
    },
    async memberReplace(request) {
      await unary("/triarch.Cluster/MemberReplace", proto.MemberReplaceRequest, request, proto.MemberReplaceResponse);
    },
    range: (request) => unary("/etcdserverpb.KV/Range", proto.RangeRequest, request, proto.RangeResponse),
    put: (request) => unary("/etcdserverpb.KV/Put", proto.PutRequest, request, proto.PutResponse),
    hashKv: (revision) =>
      unary("/etcdserverpb.Maintenance/HashKV", proto.HashKvRequest, { revision }, proto.HashKvResponse),
    async moveLeader(targetId) {
      await unary(
        "/etcdserverpb.Maintenance/MoveLeader",
        proto.MoveLeaderRequest,
        { targetId },
        proto.MoveLeaderResponse,
      );
    },
    async *snapshot(signal) {
      let remaining = -1;
      const request = proto.SnapshotRequest.encode({});
      for await (const part of call("/etcdserverpb.Maintenance/Snapshot", request, proto.SnapshotResponse, signal)) {
        remaining = part.remainingBytes;
        yield part.blob;
      }
      if (remaining !== 0) throw new GrpcError(grpcCodes.dataLoss, `the snapshot ended ${remaining} bytes early`);
    },
    close: () =>
      new Promise((resolve) => {
        if (session === undefined || session.destroyed) return resolve();
        session.once("close", () => resolve());
        session.destroy();
      }),
  };
}

function abortError(reason: unknown): GrpcError {
  const late = reason instanceof Error && reason.name === "TimeoutError";
  return late
    ? new GrpcError(grpcCodes.deadlineExceeded, "no answer in time")
    : new GrpcError(grpcCodes.cancelled, "the caller gave up");
}
