// etcd's methods by name, and a connection that calls them: the same on a real etcd and on ours.
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { decodeGrpcMessage, encodeFrame, FrameDecoder, GrpcError, grpcCodes } from "@triarch/etcd-grpc";
import * as proto from "@triarch/etcd-proto";
import type { MessageType } from "@triarch/etcd-proto";

export interface Rpc<In, InInit, Out, OutInit> {
  readonly path: string;
  readonly request: MessageType<In, InInit>;
  readonly response: MessageType<Out, OutInit>;
}

function rpc<In, InInit, Out, OutInit>(
  path: string,
  request: MessageType<In, InInit>,
  response: MessageType<Out, OutInit>,
): Rpc<In, InInit, Out, OutInit> {
  return { path: `/etcdserverpb.${path}`, request, response };
}

export const rpcs = {
  range: rpc("KV/Range", proto.RangeRequest, proto.RangeResponse),
  put: rpc("KV/Put", proto.PutRequest, proto.PutResponse),
  deleteRange: rpc("KV/DeleteRange", proto.DeleteRangeRequest, proto.DeleteRangeResponse),
  txn: rpc("KV/Txn", proto.TxnRequest, proto.TxnResponse),
  compact: rpc("KV/Compact", proto.CompactionRequest, proto.CompactionResponse),
  watch: rpc("Watch/Watch", proto.WatchRequest, proto.WatchResponse),
  leaseGrant: rpc("Lease/LeaseGrant", proto.LeaseGrantRequest, proto.LeaseGrantResponse),
  leaseRevoke: rpc("Lease/LeaseRevoke", proto.LeaseRevokeRequest, proto.LeaseRevokeResponse),
  leaseKeepAlive: rpc("Lease/LeaseKeepAlive", proto.LeaseKeepAliveRequest, proto.LeaseKeepAliveResponse),
  leaseTimeToLive: rpc("Lease/LeaseTimeToLive", proto.LeaseTimeToLiveRequest, proto.LeaseTimeToLiveResponse),
  leaseLeases: rpc("Lease/LeaseLeases", proto.LeaseLeasesRequest, proto.LeaseLeasesResponse),
  status: rpc("Maintenance/Status", proto.StatusRequest, proto.StatusResponse),
  alarm: rpc("Maintenance/Alarm", proto.AlarmRequest, proto.AlarmResponse),
  hashKv: rpc("Maintenance/HashKV", proto.HashKvRequest, proto.HashKvResponse),
  memberList: rpc("Cluster/MemberList", proto.MemberListRequest, proto.MemberListResponse),
  memberAdd: rpc("Cluster/MemberAdd", proto.MemberAddRequest, proto.MemberAddResponse),
  memberRemove: rpc("Cluster/MemberRemove", proto.MemberRemoveRequest, proto.MemberRemoveResponse),
  memberUpdate: rpc("Cluster/MemberUpdate", proto.MemberUpdateRequest, proto.MemberUpdateResponse),
  userAdd: rpc("Auth/UserAdd", proto.AuthUserAddRequest, proto.AuthDoneResponse),
  userGet: rpc("Auth/UserGet", proto.AuthUserGetRequest, proto.AuthUserGetResponse),
  userDelete: rpc("Auth/UserDelete", proto.AuthUserDeleteRequest, proto.AuthDoneResponse),
  userGrantRole: rpc("Auth/UserGrantRole", proto.AuthUserGrantRoleRequest, proto.AuthDoneResponse),
  userRevokeRole: rpc("Auth/UserRevokeRole", proto.AuthUserRevokeRoleRequest, proto.AuthDoneResponse),
  roleAdd: rpc("Auth/RoleAdd", proto.AuthRoleAddRequest, proto.AuthDoneResponse),
  roleGet: rpc("Auth/RoleGet", proto.AuthRoleGetRequest, proto.AuthRoleGetResponse),
  roleDelete: rpc("Auth/RoleDelete", proto.AuthRoleDeleteRequest, proto.AuthDoneResponse),
  roleGrantPermission: rpc("Auth/RoleGrantPermission", proto.AuthRoleGrantPermissionRequest, proto.AuthDoneResponse),
  roleRevokePermission: rpc("Auth/RoleRevokePermission", proto.AuthRoleRevokePermissionRequest, proto.AuthDoneResponse),
  authEnable: rpc("Auth/AuthEnable", proto.AuthEnableRequest, proto.AuthDoneResponse),
  authDisable: rpc("Auth/AuthDisable", proto.AuthDisableRequest, proto.AuthDoneResponse),
  authenticate: rpc("Auth/Authenticate", proto.AuthenticateRequest, proto.AuthenticateResponse),
  moveLeader: rpc("Maintenance/MoveLeader", proto.MoveLeaderRequest, proto.MoveLeaderResponse),
} as const;

/** Methods of one request and one answer. */
export type UnaryName = Exclude<keyof typeof rpcs, "watch" | "leaseKeepAlive">;

export interface ConnectionOptions {
  readonly url: string;
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface CallOptions {
  /** Default 90 s; past it the call ends with code 4. */
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Stream<InInit> {
  send(request: InInit): void;
  /** Resolves when the server has ended it too, with its status; undefined is OK. */
  end(): Promise<GrpcError | undefined>;
  /** Ends it at once, without a word. */
  destroy(): void;
}

const answerBytesMax = 256 * 1024 * 1024;
const callTimeoutMs = 90_000;

/** One HTTP/2 connection, dialed when needed and again after it broke. Failures are `GrpcError`; out of reach is code 14. */
export class EtcdConnection {
  readonly url: string;
  readonly #options: ConnectionOptions;
  #session: ClientHttp2Session | undefined;

  constructor(options: ConnectionOptions) {
    this.url = options.url;
    this.#options = options;
  }

  unary<In, InInit, Out, OutInit>(
    { path, request, response }: Rpc<In, InInit, Out, OutInit>,
    init: InInit,
    options: CallOptions = {},
  ): Promise<Out> {
    const timeoutMs = options.timeoutMs ?? callTimeoutMs;
    return new Promise((resolve, reject) => {
      let answer: Out | undefined;
      const stream = this.#open(path, options.metadata ?? {});
      const timer = setTimeout(() => {
        stream.destroy();
        reject(new GrpcError(grpcCodes.deadlineExceeded, `${path}: no answer in ${timeoutMs} ms`));
      }, timeoutMs);
      receive(
        stream,
        path,
        (message) => (answer = response.decode(message)),
        (error) => {
          clearTimeout(timer);
          if (error !== undefined) reject(error);
          else if (answer === undefined)
            reject(new GrpcError(grpcCodes.internal, `${path} answered without a message`));
          else resolve(answer);
        },
      );
      stream.end(encodeFrame(request.encode(init)));
    });
  }

  stream<In, InInit, Out, OutInit>(
    { path, request, response }: Rpc<In, InInit, Out, OutInit>,
    onMessage: (message: Out) => void,
    onEnd: (error: GrpcError | undefined) => void = () => undefined,
  ): Stream<InInit> {
    const stream = this.#open(path, {});
    const ended = Promise.withResolvers<GrpcError | undefined>();
    receive(
      stream,
      path,
      (message) => onMessage(response.decode(message)),
      (error) => {
        ended.resolve(error);
        onEnd(error);
      },
    );
    return {
      send: (init) => void stream.write(encodeFrame(request.encode(init))),
      end: () => {
        stream.end();
        return ended.promise;
      },
      destroy: () => void stream.destroy(),
    };
  }

  /** Ends every call. */
  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #open(path: string, metadata: Readonly<Record<string, string>>): ClientHttp2Stream {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(this.url, this.#options.tls ?? {});
      this.#session.on("error", () => undefined); // each call tells it to its caller
    }
    return this.#session.request({
      ...metadata,
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
  }
}

/** Calls `onEnd` once, with what the call failed of. */
function receive(
  stream: ClientHttp2Stream,
  path: string,
  onMessage: (message: Uint8Array) => void,
  onEnd: (error: GrpcError | undefined) => void,
): void {
  const decoder = new FrameDecoder(answerBytesMax);
  let failure: GrpcError | undefined = new GrpcError(grpcCodes.unavailable, `${path}: ended without a status`);
  const readStatus = (headers: Record<string, unknown>): void => {
    const code = headers["grpc-status"];
    if (code === undefined) return;
    const text = headers["grpc-message"];
    failure =
      Number(code) === 0
        ? undefined
        : new GrpcError(Number(code), typeof text === "string" ? decodeGrpcMessage(text) : "");
  };
  stream.on("response", readStatus);
  stream.on("trailers", readStatus);
  stream.on("data", (chunk: Buffer) => {
    for (const message of decoder.push(chunk)) onMessage(message);
  });
  stream.on("error", (error: Error) => {
    if (failure?.code === grpcCodes.unavailable) failure = new GrpcError(grpcCodes.unavailable, error.message);
  });
  stream.once("close", () => onEnd(failure));
}
