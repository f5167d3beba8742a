/** Users, roles and the switch as rows of etcd's buckets. Source: etcd server/storage/schema/auth*.go. */
import { utf8, utf8Text } from "@triarch/base";
import { AuthRole, AuthUser, type AuthRole as Role, type AuthUser as User } from "@triarch/etcd-proto";

export type AuthBucket = "auth" | "authUsers" | "authRoles";

export interface AuthRow {
  readonly bucket: AuthBucket;
  readonly key: Uint8Array;
  /** undefined: delete the row. */
  readonly value: Uint8Array | undefined;
}

/** Everything that the three buckets hold. */
export interface StoredAuth {
  readonly enabled: boolean;
  /** 0: never written. */
  readonly revision: number;
  readonly users: readonly User[];
  readonly roles: readonly Role[];
}

const enabledKey = utf8("authEnabled");
const revisionKey = utf8("authRevision");

export function enabledRow(enabled: boolean): AuthRow {
  return { bucket: "auth", key: enabledKey, value: Uint8Array.of(enabled ? 1 : 0) };
}

export function revisionRow(revision: number): AuthRow {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, BigInt(revision));
  return { bucket: "auth", key: revisionKey, value };
}

export function userRow(user: User): AuthRow {
  return { bucket: "authUsers", key: user.name, value: AuthUser.encode(user) };
}

export function roleRow(role: Role): AuthRow {
  return { bucket: "authRoles", key: role.name, value: AuthRole.encode(role) };
}

/** @throws DecodeError | RangeError when a row is not what its bucket holds */
export function decodeAuthRows(rows: Iterable<AuthRow>): StoredAuth {
  let enabled = false;
  let revision = 0;
  const users: User[] = [];
  const roles: Role[] = [];
  for (const { bucket, key, value } of rows) {
    if (value === undefined) continue;
    if (bucket === "authUsers") users.push(AuthUser.decode(value));
    else if (bucket === "authRoles") roles.push(AuthRole.decode(value));
    else if (utf8Text(key) === "authEnabled") enabled = value.length === 1 && value[0] === 1;
    else if (utf8Text(key) === "authRevision") {
      revision = Number(new DataView(value.buffer, value.byteOffset, value.length).getBigUint64(0));
    }
  }
  return { enabled, revision, users, roles };
}
