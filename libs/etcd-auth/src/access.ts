import type { ByteString } from "@triarch/base";
import { fromByteString } from "@triarch/base";
import type { DeleteRangeRequest, InternalRaftRequest, PutRequest, RequestOp, TxnRequest } from "@triarch/etcd-proto";
import { PermissionType } from "@triarch/etcd-proto";
import { keyRange } from "@triarch/mvcc";
import { hasRootRole, type AuthStore } from "./auth-store.ts";
import { AuthError } from "./errors.ts";

/** Who asks, and at which revision of users and roles they were looked up. */
export interface Identity {
  /** Empty: nobody in particular. */
  readonly username: string;
  /** 0 for nobody. */
  readonly authRevision: number;
}

export const nobody: Identity = { username: "", authRevision: 0 };
/** The cluster's own work and callers in this process: never looked up, so never old. */
export const cluster: Identity = { username: "root", authRevision: Number.MAX_SAFE_INTEGER };

/** Which keys hang on a lease. */
export type KeysOfLease = (leaseId: bigint) => readonly ByteString[];

/**
 * Who may do what. Everything is allowed while authentication is off. Each method returns or throws AuthError
 * "userEmpty" | "oldRevision" | "permissionDenied"; those for administrators never say "oldRevision".
 * Source: etcd server/auth/store.go, server/etcdserver/apply/auth.go.
 */
export class Access {
  readonly #store: AuthStore;
  readonly #keysOfLease: KeysOfLease;

  constructor(store: AuthStore, keysOfLease: KeysOfLease) {
    this.#store = store;
    this.#keysOfLease = keysOfLease;
  }

  /** @param rangeEnd as in a range request */
  read(who: Identity, key: Uint8Array, rangeEnd: Uint8Array): void {
    this.#keys(who, PermissionType.read, key, rangeEnd);
  }

  write(who: Identity, key: Uint8Array, rangeEnd: Uint8Array): void {
    this.#keys(who, PermissionType.write, key, rangeEnd);
  }

  administer(who: Identity): void {
    if (!this.#store.enabled) return;
    if (who.username === "") throw new AuthError({ code: "userEmpty" });
    const user = this.#store.user(who.username);
    if (user === undefined || !hasRootRole(user)) denied(who);
  }

  /** Both what it compares and what either branch would do, nested ones too. */
  txn(who: Identity, request: TxnRequest): void {
    if (!this.#store.enabled) return;
    for (const { key, rangeEnd } of request.compare) this.read(who, key, rangeEnd);
    for (const operation of [...request.success, ...request.failure]) this.#operation(who, operation);
  }

  /** Whoever ends a lease deletes its keys. */
  revokeLease(who: Identity, leaseId: bigint): void {
    if (this.#store.enabled) this.#leaseKeys(who, leaseId);
  }

  /** Administrators see all, everybody sees themselves. */
  readUser(who: Identity, name: string): void {
    if (this.#store.enabled && (who.username === "" || who.username !== name)) this.administer(who);
  }

  /** Administrators see all, everybody sees what they were granted. */
  readRole(who: Identity, name: string): void {
    if (!this.#store.enabled) return;
    if (this.#store.user(who.username)?.roles.includes(name) !== true) this.administer(who);
  }

  /** A request of the log, as it is about to be applied. */
  request(who: Identity, request: InternalRaftRequest): void {
    if (!this.#store.enabled) return;
    if (request.put !== undefined) this.#put(who, request.put);
    else if (request.txn !== undefined) this.txn(who, request.txn);
    else if (request.deleteRange !== undefined) this.#deleteRange(who, request.deleteRange);
    else if (request.range !== undefined) this.read(who, request.range.key, request.range.rangeEnd);
    else if (request.leaseRevoke !== undefined) this.revokeLease(who, request.leaseRevoke.id);
    else if (isAdministrative(request)) this.administer(who);
  }

  #put(who: Identity, { key, lease, prevKv }: PutRequest): void {
    this.write(who, key, noEnd);
    // Who may not end the lease may not hang keys on it either: it could never take them back.
    if (lease !== 0n) this.#leaseKeys(who, lease);
    if (prevKv) this.read(who, key, noEnd);
  }

  #deleteRange(who: Identity, { key, rangeEnd, prevKv }: DeleteRangeRequest): void {
    this.write(who, key, rangeEnd);
    if (prevKv) this.read(who, key, rangeEnd);
  }

  #operation(who: Identity, { requestRange, requestPut, requestDeleteRange, requestTxn }: RequestOp): void {
    if (requestRange !== undefined) this.read(who, requestRange.key, requestRange.rangeEnd);
    if (requestPut !== undefined) this.#put(who, requestPut);
    if (requestDeleteRange !== undefined) this.#deleteRange(who, requestDeleteRange);
    if (requestTxn !== undefined) this.txn(who, requestTxn);
  }

  #leaseKeys(who: Identity, leaseId: bigint): void {
    const user = this.#store.user(who.username);
    if (user !== undefined && hasRootRole(user)) return;
    for (const key of this.#keysOfLease(leaseId)) this.write(who, fromByteString(key), noEnd);
  }

  #keys(who: Identity, permission: number, key: Uint8Array, rangeEnd: Uint8Array): void {
    if (!this.#store.enabled) return;
    if (who.authRevision === 0) throw new AuthError({ code: "userEmpty" });
    const { revision } = this.#store;
    if (who.authRevision < revision)
      throw new AuthError({ code: "oldRevision", given: who.authRevision, current: revision });
    const user = this.#store.user(who.username);
    if (user === undefined) denied(who);
    if (hasRootRole(user)) return;
    const { read, write } = this.#store.permissionsOf(user);
    const granted = (permission === PermissionType.read ? read : write).hasRange(keyRange(key, rangeEnd));
    if (!granted) denied(who);
  }
}

const noEnd = new Uint8Array(0);

function denied(who: Identity): never {
  throw new AuthError({ code: "permissionDenied", user: who.username });
}

/** Changes of users and roles, and what concerns the whole cluster. Authenticating is for everybody. */
function isAdministrative(request: InternalRaftRequest): boolean {
  return administrative.some((name) => request[name] !== undefined);
}

const administrative = [
  "compaction",
  "alarm",
  "authEnable",
  "authDisable",
  "authUserAdd",
  "authUserDelete",
  "authUserChangePassword",
  "authUserGrantRole",
  "authUserRevokeRole",
  "authRoleAdd",
  "authRoleDelete",
  "authRoleGrantPermission",
  "authRoleRevokePermission",
  "leaseCheckpoint",
  "clusterMemberAttrSet",
  "clusterVersionSet",
  "downgradeInfoSet",
] as const;
