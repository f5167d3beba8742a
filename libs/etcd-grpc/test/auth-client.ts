import { connect, type ClientHttp2Session } from "node:http2";
import * as proto from "@triarch/etcd-proto";
import { RawCall } from "./raw-call.ts";

/** What a call ended with, less what differs between any two clusters: header and token. */
export interface Outcome {
  readonly code: number;
  readonly message: string;
  readonly answer: unknown;
}

const methods = {
  enable: ["Auth/AuthEnable", proto.AuthEnableRequest, proto.AuthDoneResponse],
  disable: ["Auth/AuthDisable", proto.AuthDisableRequest, proto.AuthDoneResponse],
  status: ["Auth/AuthStatus", proto.AuthStatusRequest, proto.AuthStatusResponse],
  authenticate: ["Auth/Authenticate", proto.AuthenticateRequest, proto.AuthenticateResponse],
  userAdd: ["Auth/UserAdd", proto.AuthUserAddRequest, proto.AuthDoneResponse],
  userGet: ["Auth/UserGet", proto.AuthUserGetRequest, proto.AuthUserGetResponse],
  userList: ["Auth/UserList", proto.AuthUserListRequest, proto.AuthUserListResponse],
  userDelete: ["Auth/UserDelete", proto.AuthUserDeleteRequest, proto.AuthDoneResponse],
  userChangePassword: ["Auth/UserChangePassword", proto.AuthUserChangePasswordRequest, proto.AuthDoneResponse],
  userGrantRole: ["Auth/UserGrantRole", proto.AuthUserGrantRoleRequest, proto.AuthDoneResponse],
  userRevokeRole: ["Auth/UserRevokeRole", proto.AuthUserRevokeRoleRequest, proto.AuthDoneResponse],
  roleAdd: ["Auth/RoleAdd", proto.AuthRoleAddRequest, proto.AuthDoneResponse],
  roleGet: ["Auth/RoleGet", proto.AuthRoleGetRequest, proto.AuthRoleGetResponse],
  roleList: ["Auth/RoleList", proto.AuthRoleListRequest, proto.AuthRoleListResponse],
  roleDelete: ["Auth/RoleDelete", proto.AuthRoleDeleteRequest, proto.AuthDoneResponse],
  roleGrantPermission: ["Auth/RoleGrantPermission", proto.AuthRoleGrantPermissionRequest, proto.AuthDoneResponse],
  roleRevokePermission: ["Auth/RoleRevokePermission", proto.AuthRoleRevokePermissionRequest, proto.AuthDoneResponse],
  range: ["KV/Range", proto.RangeRequest, proto.RangeResponse],
  put: ["KV/Put", proto.PutRequest, proto.PutResponse],
  deleteRange: ["KV/DeleteRange", proto.DeleteRangeRequest, proto.DeleteRangeResponse],
  txn: ["KV/Txn", proto.TxnRequest, proto.TxnResponse],
  compact: ["KV/Compact", proto.CompactionRequest, proto.CompactionResponse],
  leaseGrant: ["Lease/LeaseGrant", proto.LeaseGrantRequest, proto.LeaseGrantResponse],
  leaseRevoke: ["Lease/LeaseRevoke", proto.LeaseRevokeRequest, proto.LeaseRevokeResponse],
  leaseTimeToLive: ["Lease/LeaseTimeToLive", proto.LeaseTimeToLiveRequest, proto.LeaseTimeToLiveResponse],
  alarm: ["Maintenance/Alarm", proto.AlarmRequest, proto.AlarmResponse],
  memberList: ["Cluster/MemberList", proto.MemberListRequest, proto.MemberListResponse],
  memberAdd: ["Cluster/MemberAdd", proto.MemberAddRequest, proto.MemberAddResponse],
  memberPromote: ["Cluster/MemberPromote", proto.MemberPromoteRequest, proto.MemberPromoteResponse],
  memberRemove: ["Cluster/MemberRemove", proto.MemberRemoveRequest, proto.MemberRemoveResponse],
  hash: ["Maintenance/Hash", proto.HashRequest, proto.HashResponse],
  defragment: ["Maintenance/Defragment", proto.DefragmentRequest, proto.DefragmentResponse],
  moveLeader: ["Maintenance/MoveLeader", proto.MoveLeaderRequest, proto.MoveLeaderResponse],
  downgrade: ["Maintenance/Downgrade", proto.DowngradeRequest, proto.DowngradeResponse],
} as const;

export type MethodName = keyof typeof methods;
export type RequestOf<M extends MethodName> = proto.Init<(typeof methods)[M][1]>;

const unavailable = 14;
const attemptsMax = 5;

/** Calls one server, each time in the name that the caller says. Tokens are got with the password `NAME-pw`. */
export class AuthClient {
  readonly #session: ClientHttp2Session;
  readonly #tokens = new Map<string, string>();

  constructor(url: string, tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } = {}) {
    this.#session = connect(url, tls);
    this.#session.on("error", () => undefined); // each call tells it
  }

  close(): void {
    this.#session.destroy();
  }

  /** Calls again while the cluster is between two leaders. */
  async call<M extends MethodName>(
    method: M,
    request: RequestOf<M>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.callOnce(method, request, headers);
      if (outcome.code !== unavailable || attempt === attemptsMax) return outcome;
    }
  }

  async callOnce<M extends MethodName>(
    method: M,
    request: RequestOf<M>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Outcome> {
    const [path, input, output] = methods[method];
    const types = { input, output } as unknown as {
      readonly input: proto.MessageType<unknown, unknown>;
      readonly output: proto.MessageType<unknown, unknown>;
    };
    const call = new RawCall(this.#session, `/etcdserverpb.${path}`, types, headers);
    call.send(request);
    call.stream.end();
    const { code, message } = await call.ended;
    return { code, message, answer: withoutHeaders(call.received[0]) };
  }

  /** In the user's name, with the token of its last login; undefined: nobody's. */
  async callAs<M extends MethodName>(user: string | undefined, method: M, request: RequestOf<M>): Promise<Outcome> {
    if (user === undefined) return this.call(method, request);
    if (!this.#tokens.has(user)) {
      const failed = await this.login(user);
      if (failed.code !== 0) return failed;
    }
    return this.call(method, request, { token: this.#tokens.get(user) ?? "" });
  }

  async login(name: string, password = `${name}-pw`): Promise<Outcome> {
    const outcome = await this.call("authenticate", { name, password });
    const { token } = (outcome.answer ?? { token: "" }) as { readonly token: string };
    if (outcome.code === 0) this.#tokens.set(name, token);
    else this.#tokens.delete(name);
    return { ...outcome, answer: token.replace(/^[a-zA-Z]+\.\d+$/, "a token") };
  }

  token(name: string): string {
    return this.#tokens.get(name) ?? "";
  }

  /** Watches until the first answer. @param user whose token is shown, an invalid one if there is none; "": none */
  async watch(
    request: NonNullable<proto.Init<typeof proto.WatchRequest>["createRequest"]>,
    user: string,
  ): Promise<unknown> {
    const call = this.openWatch(user === "" ? {} : { token: this.token(user) });
    call.send({ createRequest: request });
    await call.until((received) => received.length > 0);
    call.stream.destroy();
    return withoutHeaders(call.received[0]);
  }

  openWatch(
    headers: Readonly<Record<string, string>> = {},
  ): RawCall<proto.WatchRequest, proto.Init<typeof proto.WatchRequest>, proto.WatchResponse, proto.WatchResponseInit> {
    const types = { input: proto.WatchRequest, output: proto.WatchResponse };
    return new RawCall(this.#session, "/etcdserverpb.Watch/Watch", types, headers);
  }
}

/** Headers carry ids and revisions of one cluster; leases' times run. */
function withoutHeaders(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(withoutHeaders);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !["header", "createRevision", "modRevision", "hash"].includes(name))
      .map(([name, field]) => [name, withoutHeaders(field)]),
  );
}
