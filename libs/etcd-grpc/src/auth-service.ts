import * as proto from "@triarch/etcd-proto";
import type { AuthApi, EtcdServer } from "@triarch/etcd-server";
import { unary, type Method } from "./grpc-server.ts";
import type { Service } from "./services.ts";

/** Users, roles, permissions and tokens. `server.auth` is asked anew for each call: it refuses on a store that has stopped. */
export function authService(server: Pick<EtcdServer, "auth">): Service {
  const done = <In, InInit>(
    input: proto.MessageType<In, InInit>,
    call: (auth: AuthApi, request: In) => Promise<proto.AuthDoneResponse>,
  ): Method => unary(input, proto.AuthDoneResponse, async (request) => call(server.auth, request));
  return {
    "etcdserverpb.Auth/AuthEnable": done(proto.AuthEnableRequest, (auth) => auth.enable()),
    "etcdserverpb.Auth/AuthDisable": done(proto.AuthDisableRequest, (auth) => auth.disable()),
    "etcdserverpb.Auth/AuthStatus": unary(proto.AuthStatusRequest, proto.AuthStatusResponse, async () =>
      server.auth.status(),
    ),
    "etcdserverpb.Auth/Authenticate": unary(proto.AuthenticateRequest, proto.AuthenticateResponse, async (request) =>
      server.auth.authenticate(request),
    ),
    "etcdserverpb.Auth/UserAdd": done(proto.AuthUserAddRequest, (auth, request) => auth.userAdd(request)),
    "etcdserverpb.Auth/UserGet": unary(proto.AuthUserGetRequest, proto.AuthUserGetResponse, async (request) =>
      server.auth.userGet(request),
    ),
    "etcdserverpb.Auth/UserList": unary(proto.AuthUserListRequest, proto.AuthUserListResponse, async () =>
      server.auth.userList(),
    ),
    "etcdserverpb.Auth/UserDelete": done(proto.AuthUserDeleteRequest, (auth, request) => auth.userDelete(request)),
    "etcdserverpb.Auth/UserChangePassword": done(proto.AuthUserChangePasswordRequest, (auth, request) =>
      auth.userChangePassword(request),
    ),
    "etcdserverpb.Auth/UserGrantRole": done(proto.AuthUserGrantRoleRequest, (auth, request) =>
      auth.userGrantRole(request),
    ),
    "etcdserverpb.Auth/UserRevokeRole": done(proto.AuthUserRevokeRoleRequest, (auth, request) =>
      auth.userRevokeRole(request),
    ),
    "etcdserverpb.Auth/RoleAdd": done(proto.AuthRoleAddRequest, (auth, request) => auth.roleAdd(request)),
    "etcdserverpb.Auth/RoleGet": unary(proto.AuthRoleGetRequest, proto.AuthRoleGetResponse, async (request) =>
      server.auth.roleGet(request),
    ),
    "etcdserverpb.Auth/RoleList": unary(proto.AuthRoleListRequest, proto.AuthRoleListResponse, async () =>
      server.auth.roleList(),
    ),
    "etcdserverpb.Auth/RoleDelete": done(proto.AuthRoleDeleteRequest, (auth, request) => auth.roleDelete(request)),
    "etcdserverpb.Auth/RoleGrantPermission": done(proto.AuthRoleGrantPermissionRequest, (auth, request) =>
      auth.roleGrantPermission(request),
    ),
    "etcdserverpb.Auth/RoleRevokePermission": done(proto.AuthRoleRevokePermissionRequest, (auth, request) =>
      auth.roleRevokePermission(request),
    ),
  };
}
