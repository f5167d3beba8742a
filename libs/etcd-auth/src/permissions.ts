import { compareBytes, equalBytes, utf8Text } from "@triarch/base";
import { PermissionType, type AuthRole, type Permission } from "@triarch/etcd-proto";
import { keyRange } from "@triarch/mvcc";
import { KeyIntervals, type KeyInterval } from "./key-intervals.ts";

/** The keys that somebody may read, and those that they may write. */
export interface MergedPermissions {
  readonly read: KeyIntervals;
  readonly write: KeyIntervals;
}

/** What the role `root` is shown to hold, whatever is stored in it: everything. */
export const rootPermission: Permission = {
  permType: PermissionType.readWrite,
  key: new Uint8Array(0),
  rangeEnd: new Uint8Array(1),
};

export function mergeRoles(roles: readonly AuthRole[]): MergedPermissions {
  const read: KeyInterval[] = [];
  const write: KeyInterval[] = [];
  for (const { permType, key, rangeEnd } of roles.flatMap((role) => role.keyPermission)) {
    if (key.length === 0) continue; // no key is empty, and etcd takes an empty start for "after the last key"
    const interval = keyRange(key, rangeEnd);
    if (permType !== PermissionType.write) read.push(interval);
    if (permType !== PermissionType.read) write.push(interval);
  }
  return { read: new KeyIntervals(read), write: new KeyIntervals(write) };
}

/**
 * Kept in order of the keys; one of equal key goes after those before it. As in etcd, only the first permission of a key
 * is looked at for replacement: a second one of another range end is added anew, and the two count together.
 */
export function grantPermission(role: AuthRole, { permType, key, rangeEnd }: Permission): AuthRole {
  const granted = { permType, key, rangeEnd };
  const first = role.keyPermission.findIndex((one) => compareBytes(one.key, key) >= 0);
  const existing = role.keyPermission[first];
  if (existing !== undefined && isOfRange(existing, granted)) {
    return { ...role, keyPermission: role.keyPermission.with(first, granted) };
  }
  const after = role.keyPermission.findIndex((one) => compareBytes(one.key, key) > 0);
  const index = after === -1 ? role.keyPermission.length : after;
  return { ...role, keyPermission: role.keyPermission.toSpliced(index, 0, granted) };
}

/** All that were given for exactly this key and range end go. */
export function revokePermission(role: AuthRole, range: Pick<Permission, "key" | "rangeEnd">): AuthRole {
  return { ...role, keyPermission: role.keyPermission.filter((one) => !isOfRange(one, range)) };
}

/** What a role is shown to hold. */
export function shownPermissions(role: AuthRole): readonly Permission[] {
  return utf8Text(role.name) === "root" ? [rootPermission] : role.keyPermission;
}

function isOfRange(left: Pick<Permission, "key" | "rangeEnd">, right: Pick<Permission, "key" | "rangeEnd">): boolean {
  return equalBytes(left.key, right.key) && equalBytes(left.rangeEnd, right.rangeEnd);
}
