import type { Clock } from "@triarch/base";
import {
  Access,
  AuthError,
  AuthStore,
  cluster,
  nobody,
  type AuthRow,
  type Identity,
  type KeysOfLease,
} from "@triarch/etcd-auth";
import type { InternalRaftRequest, RequestHeader } from "@triarch/etcd-proto";
import { SimpleTokens } from "./simple-tokens.ts";

/**
 * Users and roles as the log has said so far, who may do what by them, and the tokens given out. Tokens are in every
 * member's memory, because giving one out goes through the log, and gone when a member restarts.
 */
export class ReplicatedAuth {
  readonly store = new AuthStore();
  readonly access: Access;
  readonly tokens: SimpleTokens;

  constructor(options: { readonly clock: Clock; readonly keysOfLease: KeysOfLease }) {
    this.access = new Access(this.store, options.keysOfLease);
    this.tokens = new SimpleTokens({ clock: options.clock });
  }

  /** Whether the request of the log may be applied, for who asked. @throws AuthError */
  authorize(request: InternalRaftRequest): void {
    this.access.request(identityOf(request.header), request);
  }

  /**
   * Applies a request that concerns users, roles or the switch.
   * @returns undefined when it is none of these
   * @throws AuthError
   */
  apply(request: InternalRaftRequest, index: number): AuthApplied | undefined {
    if (request.authenticate !== undefined) return this.#giveToken(request.authenticate, index);
    const rows = this.#change(request);
    return rows === undefined ? undefined : { rows, token: "" };
  }

  /** Passwords were compared before: what counts here is that there still is such a user. */
  #giveToken(request: { readonly name: string; readonly simpleToken: string }, index: number): AuthApplied {
    if (!this.store.enabled) throw new AuthError({ code: "notEnabled" });
    if (this.store.user(request.name) === undefined) throw new AuthError({ code: "wrongPassword" });
    const token = `${request.simpleToken}.${index}`;
    this.tokens.add(token, request.name);
    return { rows: [], token };
  }

  #change(request: InternalRaftRequest): readonly AuthRow[] | undefined {
    const { store, tokens } = this;
    if (request.authEnable !== undefined) return store.enable();
    if (request.authDisable !== undefined) {
      const rows = store.disable();
      tokens.clear();
      return rows;
    }
    if (request.authUserAdd !== undefined) {
      const { name, hashedPassword, options } = request.authUserAdd;
      const noPassword = options?.noPassword === true;
      return store.addUser({ name, noPassword, passwordHash: passwordHashOf(noPassword ? "" : hashedPassword) });
    }
    if (request.authUserDelete !== undefined) {
      const { name } = request.authUserDelete;
      const rows = store.deleteUser(name);
      tokens.removeUser(name);
      return rows;
    }
    if (request.authUserChangePassword !== undefined) {
      const { name, hashedPassword } = request.authUserChangePassword;
      const rows = store.changePassword(name, passwordHashOf(hashedPassword));
      tokens.removeUser(name);
      return rows;
    }
    return this.#changeRoles(request);
  }

  #changeRoles(request: InternalRaftRequest): readonly AuthRow[] | undefined {
    const { store } = this;
    if (request.authUserGrantRole !== undefined) {
      return store.grantRole(request.authUserGrantRole.user, request.authUserGrantRole.role);
    }
    if (request.authUserRevokeRole !== undefined) {
      return store.revokeRole(request.authUserRevokeRole.name, request.authUserRevokeRole.role);
    }
    if (request.authRoleAdd !== undefined) return store.addRole(request.authRoleAdd.name);
    if (request.authRoleDelete !== undefined) return store.deleteRole(request.authRoleDelete.role);
    if (request.authRoleGrantPermission !== undefined) {
      const { name, perm } = request.authRoleGrantPermission;
      if (perm === undefined) throw new AuthError({ code: "permissionNotGiven" });
      return store.grantPermission(name, perm);
    }
    if (request.authRoleRevokePermission !== undefined) {
      return store.revokePermission(request.authRoleRevokePermission.role, request.authRoleRevokePermission);
    }
    return undefined;
  }
}

export interface AuthApplied {
  readonly rows: readonly AuthRow[];
  /** Of "authenticate"; else empty. */
  readonly token: string;
}

function identityOf(header: RequestHeader | undefined): Identity {
  if (header === undefined) return nobody;
  if (header.authRevision === cluster.authRevision) return cluster;
  return { username: header.username, authRevision: header.authRevision };
}

/** The log carries the hash in base64, as etcd's does. */
export function passwordHashOf(hashedPassword: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hashedPassword, "base64"));
}
