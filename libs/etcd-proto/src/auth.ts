/** Messages of `etcdserverpb.Auth`, and `authpb`'s rows. Source: etcd api/etcdserverpb/rpc.proto, api/authpb/auth.proto. */
import * as f from "./fields.ts";
import { ResponseHeader } from "./kv.ts";
import { defineMessage, type Value } from "./message.ts";

export const PermissionType = { read: 0, write: 1, readWrite: 2 } as const;
export const Permission = defineMessage(
  "authpb.Permission",
  { permType: f.enumeration(1, ["READ", "WRITE", "READWRITE"]), key: f.bytes(2), rangeEnd: f.bytes(3) },
  { jsonNames: { permType: "permType" } },
);
export type Permission = Value<typeof Permission>;

export const UserAddOptions = defineMessage("authpb.UserAddOptions", { noPassword: f.bool(1) });
export type UserAddOptions = Value<typeof UserAddOptions>;

/** A row of the bucket `authUsers`. */
export const AuthUser = defineMessage("authpb.User", {
  name: f.bytes(1),
  password: f.bytes(2),
  roles: f.repeatedString(3),
  options: f.message(4, () => UserAddOptions),
});
export type AuthUser = Value<typeof AuthUser>;

/** A row of the bucket `authRoles`. */
export const AuthRole = defineMessage(
  "authpb.Role",
  { name: f.bytes(1), keyPermission: f.repeatedMessage(2, () => Permission) },
  { jsonNames: { keyPermission: "keyPermission" } },
);
export type AuthRole = Value<typeof AuthRole>;

const header = { header: f.message(1, () => ResponseHeader) };

export const AuthEnableRequest = defineMessage("etcdserverpb.AuthEnableRequest", {});
export type AuthEnableRequest = Value<typeof AuthEnableRequest>;
export const AuthDisableRequest = defineMessage("etcdserverpb.AuthDisableRequest", {});
export type AuthDisableRequest = Value<typeof AuthDisableRequest>;
export const AuthStatusRequest = defineMessage("etcdserverpb.AuthStatusRequest", {});
export type AuthStatusRequest = Value<typeof AuthStatusRequest>;
export const AuthenticateRequest = defineMessage("etcdserverpb.AuthenticateRequest", {
  name: f.string(1),
  password: f.string(2),
});
export type AuthenticateRequest = Value<typeof AuthenticateRequest>;
/** As it travels in the log: the serving member chose the token. */
export const InternalAuthenticateRequest = defineMessage("etcdserverpb.InternalAuthenticateRequest", {
  name: f.string(1),
  password: f.string(2),
  simpleToken: f.string(3),
});
export type InternalAuthenticateRequest = Value<typeof InternalAuthenticateRequest>;

export const AuthUserAddRequest = defineMessage(
  "etcdserverpb.AuthUserAddRequest",
  {
    name: f.string(1),
    password: f.string(2),
    options: f.message(3, () => UserAddOptions),
    hashedPassword: f.string(4),
  },
  { jsonNames: { hashedPassword: "hashedPassword" } },
);
export type AuthUserAddRequest = Value<typeof AuthUserAddRequest>;
export const AuthUserGetRequest = defineMessage("etcdserverpb.AuthUserGetRequest", { name: f.string(1) });
export type AuthUserGetRequest = Value<typeof AuthUserGetRequest>;
export const AuthUserListRequest = defineMessage("etcdserverpb.AuthUserListRequest", {});
export type AuthUserListRequest = Value<typeof AuthUserListRequest>;
export const AuthUserDeleteRequest = defineMessage("etcdserverpb.AuthUserDeleteRequest", { name: f.string(1) });
export type AuthUserDeleteRequest = Value<typeof AuthUserDeleteRequest>;
export const AuthUserChangePasswordRequest = defineMessage(
  "etcdserverpb.AuthUserChangePasswordRequest",
  { name: f.string(1), password: f.string(2), hashedPassword: f.string(3) },
  { jsonNames: { hashedPassword: "hashedPassword" } },
);
export type AuthUserChangePasswordRequest = Value<typeof AuthUserChangePasswordRequest>;
export const AuthUserGrantRoleRequest = defineMessage("etcdserverpb.AuthUserGrantRoleRequest", {
  user: f.string(1),
  role: f.string(2),
});
export type AuthUserGrantRoleRequest = Value<typeof AuthUserGrantRoleRequest>;
export const AuthUserRevokeRoleRequest = defineMessage("etcdserverpb.AuthUserRevokeRoleRequest", {
  name: f.string(1),
  role: f.string(2),
});
export type AuthUserRevokeRoleRequest = Value<typeof AuthUserRevokeRoleRequest>;
export const AuthRoleAddRequest = defineMessage("etcdserverpb.AuthRoleAddRequest", { name: f.string(1) });
export type AuthRoleAddRequest = Value<typeof AuthRoleAddRequest>;
export const AuthRoleGetRequest = defineMessage("etcdserverpb.AuthRoleGetRequest", { role: f.string(1) });
export type AuthRoleGetRequest = Value<typeof AuthRoleGetRequest>;
export const AuthRoleListRequest = defineMessage("etcdserverpb.AuthRoleListRequest", {});
export type AuthRoleListRequest = Value<typeof AuthRoleListRequest>;
export const AuthRoleDeleteRequest = defineMessage("etcdserverpb.AuthRoleDeleteRequest", { role: f.string(1) });
export type AuthRoleDeleteRequest = Value<typeof AuthRoleDeleteRequest>;
export const AuthRoleGrantPermissionRequest = defineMessage("etcdserverpb.AuthRoleGrantPermissionRequest", {
  name: f.string(1),
  perm: f.message(2, () => Permission),
});
export type AuthRoleGrantPermissionRequest = Value<typeof AuthRoleGrantPermissionRequest>;
export const AuthRoleRevokePermissionRequest = defineMessage("etcdserverpb.AuthRoleRevokePermissionRequest", {
  role: f.string(1),
  key: f.bytes(2),
  rangeEnd: f.bytes(3),
});
export type AuthRoleRevokePermissionRequest = Value<typeof AuthRoleRevokePermissionRequest>;

/** The answer of every Auth call that only says "done": Enable, Disable, UserAdd, UserDelete, RoleAdd ... */
export const AuthDoneResponse = defineMessage("etcdserverpb.AuthDoneResponse", header);
export type AuthDoneResponse = Value<typeof AuthDoneResponse>;
export const AuthStatusResponse = defineMessage(
  "etcdserverpb.AuthStatusResponse",
  { ...header, enabled: f.bool(2), authRevision: f.uint64(3) },
  { jsonNames: { authRevision: "authRevision" } },
);
export type AuthStatusResponse = Value<typeof AuthStatusResponse>;
export const AuthenticateResponse = defineMessage("etcdserverpb.AuthenticateResponse", {
  ...header,
  token: f.string(2),
});
export type AuthenticateResponse = Value<typeof AuthenticateResponse>;
export const AuthUserGetResponse = defineMessage("etcdserverpb.AuthUserGetResponse", {
  ...header,
  roles: f.repeatedString(2),
});
export type AuthUserGetResponse = Value<typeof AuthUserGetResponse>;
export const AuthUserListResponse = defineMessage("etcdserverpb.AuthUserListResponse", {
  ...header,
  users: f.repeatedString(2),
});
export type AuthUserListResponse = Value<typeof AuthUserListResponse>;
export const AuthRoleGetResponse = defineMessage("etcdserverpb.AuthRoleGetResponse", {
  ...header,
  perm: f.repeatedMessage(2, () => Permission),
});
export type AuthRoleGetResponse = Value<typeof AuthRoleGetResponse>;
export const AuthRoleListResponse = defineMessage("etcdserverpb.AuthRoleListResponse", {
  ...header,
  roles: f.repeatedString(2),
});
export type AuthRoleListResponse = Value<typeof AuthRoleListResponse>;
