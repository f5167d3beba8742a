import { AuthError, hasNoPassword, shownPermissions, type Identity } from "@triarch/etcd-auth";
import type {
  AuthDoneResponse,
  AuthenticateRequest,
  AuthenticateResponse,
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGetRequest,
  AuthRoleGetResponse,
  AuthRoleGrantPermissionRequest,
  AuthRoleListResponse,
  AuthRoleRevokePermissionRequest,
  AuthStatusResponse,
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGetRequest,
  AuthUserGetResponse,
  AuthUserGrantRoleRequest,
  AuthUserListResponse,
  AuthUserRevokeRoleRequest,
  InternalRaftRequestInit,
  ResponseHeader,
} from "@triarch/etcd-proto";
import { utf8Text } from "@triarch/base";
import type { Proposer } from "../server/proposer.ts";
import type { Reads } from "../server/reads.ts";
import type { Caller } from "./caller.ts";
import type { Jwt } from "./jwt.ts";
import type { Passwords } from "./passwords.ts";
import type { AuthApplied, ReplicatedAuth } from "./replicated-auth.ts";
import { tokenPrefix } from "./tokens.ts";

/** etcd's Auth service, one method per call, in the name of one caller. All reject with AuthError or EtcdServerError. */
export interface AuthApi {
  enable(): Promise<AuthDoneResponse>;
  disable(): Promise<AuthDoneResponse>;
  status(): Promise<AuthStatusResponse>;
  /** Gives a token for a name and its password. For everybody. */
  authenticate(request: AuthenticateRequest): Promise<AuthenticateResponse>;
  userAdd(request: AuthUserAddRequest): Promise<AuthDoneResponse>;
  userGet(request: AuthUserGetRequest): Promise<AuthUserGetResponse>;
  userList(): Promise<AuthUserListResponse>;
  userDelete(request: AuthUserDeleteRequest): Promise<AuthDoneResponse>;
  userChangePassword(request: AuthUserChangePasswordRequest): Promise<AuthDoneResponse>;
  userGrantRole(request: AuthUserGrantRoleRequest): Promise<AuthDoneResponse>;
  userRevokeRole(request: AuthUserRevokeRoleRequest): Promise<AuthDoneResponse>;
  roleAdd(request: AuthRoleAddRequest): Promise<AuthDoneResponse>;
  roleGet(request: AuthRoleGetRequest): Promise<AuthRoleGetResponse>;
  roleList(): Promise<AuthRoleListResponse>;
  roleDelete(request: AuthRoleDeleteRequest): Promise<AuthDoneResponse>;
  roleGrantPermission(request: AuthRoleGrantPermissionRequest): Promise<AuthDoneResponse>;
  roleRevokePermission(request: AuthRoleRevokePermissionRequest): Promise<AuthDoneResponse>;
}

export interface AuthParts {
  readonly auth: ReplicatedAuth;
  readonly reads: Pick<Reads, "barrier">;
  readonly proposer: Pick<Proposer, "propose">;
  readonly passwords: Passwords;
  /** Tokens are signed instead of given out through the log. */
  readonly jwt: Jwt | undefined;
}

export class AuthRequests implements AuthApi {
  readonly #parts: AuthParts;
  readonly #caller: Caller;
  readonly #header: () => ResponseHeader;

  constructor(parts: AuthParts, caller: Caller, header: () => ResponseHeader) {
    this.#parts = parts;
    this.#caller = caller;
    this.#header = header;
  }

  enable(): Promise<AuthDoneResponse> {
    return this.#change({ authEnable: {} });
  }

  disable(): Promise<AuthDoneResponse> {
    return this.#change({ authDisable: {} });
  }

  async status(): Promise<AuthStatusResponse> {
    const { enabled, revision } = (await this.#read((who) => this.#parts.auth.access.administer(who))).store;
    return { header: this.#header(), enabled, authRevision: revision };
  }

  /** The comparison takes long: it counts only if users and roles are still those that it was made with. */
  async authenticate({ name, password }: AuthenticateRequest): Promise<AuthenticateResponse> {
    const { auth, reads, passwords, jwt } = this.#parts;
    await reads.barrier();
    for (;;) {
      const { revision } = auth.store;
      const hash = passwordHashOf(auth, name);
      if (!(await passwords.matches(password, hash))) throw new AuthError({ code: "wrongPassword" });
      if (revision !== auth.store.revision) continue;
      if (jwt !== undefined) {
        return { header: this.#header(), token: jwt.issue({ username: name, authRevision: revision }) };
      }
      const answer = await this.#parts.proposer.propose({ authenticate: { name, simpleToken: tokenPrefix() } });
      if (revision !== auth.store.revision) continue;
      return { header: this.#header(), token: (answer as AuthApplied).token };
    }
  }

  async userAdd({ name, password, options }: AuthUserAddRequest): Promise<AuthDoneResponse> {
    this.#parts.auth.access.administer(this.#caller.identity()); // before the work, so that nobody else can cause it
    const hashedPassword = options?.noPassword === true ? "" : await this.#hashed(password);
    return this.#change({ authUserAdd: { name, options, hashedPassword } });
  }

  async userGet({ name }: AuthUserGetRequest): Promise<AuthUserGetResponse> {
    const { store } = await this.#read((who) => this.#parts.auth.access.readUser(who, name));
    const user = store.user(name);
    if (user === undefined) throw new AuthError({ code: "userNotFound", user: name });
    return { header: this.#header(), roles: user.roles };
  }

  async userList(): Promise<AuthUserListResponse> {
    const { store } = await this.#read((who) => this.#parts.auth.access.administer(who));
    return { header: this.#header(), users: store.userNames() };
  }

  userDelete(request: AuthUserDeleteRequest): Promise<AuthDoneResponse> {
    return this.#change({ authUserDelete: request });
  }

  async userChangePassword({ name, password }: AuthUserChangePasswordRequest): Promise<AuthDoneResponse> {
    this.#parts.auth.access.administer(this.#caller.identity());
    return this.#change({ authUserChangePassword: { name, hashedPassword: await this.#hashed(password) } });
  }

  userGrantRole(request: AuthUserGrantRoleRequest): Promise<AuthDoneResponse> {
    return this.#change({ authUserGrantRole: request });
  }

  userRevokeRole(request: AuthUserRevokeRoleRequest): Promise<AuthDoneResponse> {
    return this.#change({ authUserRevokeRole: request });
  }

  roleAdd(request: AuthRoleAddRequest): Promise<AuthDoneResponse> {
    return this.#change({ authRoleAdd: request });
  }

  async roleGet({ role: name }: AuthRoleGetRequest): Promise<AuthRoleGetResponse> {
    const { store } = await this.#read((who) => this.#parts.auth.access.readRole(who, name));
    const role = store.role(name);
    if (role === undefined) throw new AuthError({ code: "roleNotFound", role: name });
    return { header: this.#header(), perm: shownPermissions(role) };
  }

  async roleList(): Promise<AuthRoleListResponse> {
    const { store } = await this.#read((who) => this.#parts.auth.access.administer(who));
    return { header: this.#header(), roles: store.roleNames() };
  }

  roleDelete(request: AuthRoleDeleteRequest): Promise<AuthDoneResponse> {
    return this.#change({ authRoleDelete: request });
  }

  roleGrantPermission(request: AuthRoleGrantPermissionRequest): Promise<AuthDoneResponse> {
    return this.#change({ authRoleGrantPermission: request });
  }

  roleRevokePermission(request: AuthRoleRevokePermissionRequest): Promise<AuthDoneResponse> {
    return this.#change({ authRoleRevokePermission: request });
  }

  async #change(request: InternalRaftRequestInit): Promise<AuthDoneResponse> {
    await this.#parts.proposer.propose(request, this.#caller);
    return { header: this.#header() };
  }

  /** Users and roles, with everything that was committed before the call. */
  async #read(permit: (who: Identity) => void): Promise<ReplicatedAuth> {
    await this.#parts.reads.barrier();
    permit(this.#caller.identity());
    return this.#parts.auth;
  }

  async #hashed(password: string): Promise<string> {
    const sizeBytes = Buffer.byteLength(password);
    if (sizeBytes > passwordBytesMax) throw new AuthError({ code: "passwordTooLong", sizeBytes });
    return Buffer.from(await this.#parts.passwords.hash(password)).toString("base64");
  }
}

/** bcrypt looks at no more: what follows would not count, and its owner would not know. */
const passwordBytesMax = 72;

/** @throws AuthError "notEnabled" | "wrongPassword" | "noPasswordUser" */
function passwordHashOf({ store }: ReplicatedAuth, name: string): string {
  if (!store.enabled) throw new AuthError({ code: "notEnabled" });
  const user = store.user(name);
  if (user === undefined) throw new AuthError({ code: "wrongPassword" });
  if (hasNoPassword(user)) throw new AuthError({ code: "noPasswordUser", user: name });
  return utf8Text(user.password);
}
