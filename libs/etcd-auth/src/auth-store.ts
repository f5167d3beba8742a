/**
 * etcd's users, roles and the switch that turns checking on: replicated state, changed only by applied log entries.
 *
 * Invariants:
 *  I1. a command either changes the state and gives the rows that say so, or throws and changes nothing;
 *  I2. every change but "enable" raises the revision by one, so that a permission looked up earlier is known to be old;
 *  I3. while it is enabled there is a user `root` with the role `root`: nobody can lock everybody out.
 *
 * Passwords come hashed: nothing here is slow or random, so all members get the same rows.
 */
import { compareBytes, utf8, utf8Text } from "@triarch/base";
import type { AuthRole, AuthUser, Permission } from "@triarch/etcd-proto";
import { AuthError } from "./errors.ts";
import { grantPermission, mergeRoles, revokePermission, type MergedPermissions } from "./permissions.ts";
import { enabledRow, revisionRow, roleRow, userRow, type AuthRow, type StoredAuth } from "./rows.ts";

export const rootName = "root";
const firstRevision = 1;

export class AuthStore {
  #enabled = false;
  #revision = firstRevision;
  readonly #users = new Map<string, AuthUser>();
  readonly #roles = new Map<string, AuthRole>();
  /** By user; emptied by each change. At most one for each user. */
  readonly #merged = new Map<string, MergedPermissions>();

  /** Replaces everything by what was stored. */
  restore({ enabled, revision, users, roles }: StoredAuth): void {
    this.#enabled = enabled;
    this.#revision = Math.max(revision, firstRevision);
    this.#users.clear();
    this.#roles.clear();
    this.#merged.clear();
    for (const user of users) this.#users.set(utf8Text(user.name), user);
    for (const role of roles) this.#roles.set(utf8Text(role.name), role);
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** Starts at 1. */
  get revision(): number {
    return this.#revision;
  }

  user(name: string): AuthUser | undefined {
    return this.#users.get(name);
  }

  role(name: string): AuthRole | undefined {
    return this.#roles.get(name);
  }

  /** In byte order. */
  userNames(): readonly string[] {
    return [...this.#users.keys()].sort(compareText);
  }

  /** In byte order. */
  roleNames(): readonly string[] {
    return [...this.#roles.keys()].sort(compareText);
  }

  /** What the user's roles grant together. Cost: one merge after each change, then a lookup. */
  permissionsOf(user: AuthUser): MergedPermissions {
    const name = utf8Text(user.name);
    const known = this.#merged.get(name);
    if (known !== undefined) return known;
    const roles = user.roles.map((role) => this.#roles.get(role)).filter((role) => role !== undefined);
    const merged = mergeRoles(roles);
    this.#merged.set(name, merged);
    return merged;
  }

  /** @throws AuthError "rootUserNotFound" | "rootRoleNotGranted" */
  enable(): readonly AuthRow[] {
    if (this.#enabled) return [];
    const root = this.#users.get(rootName);
    if (root === undefined) throw new AuthError({ code: "rootUserNotFound" });
    if (!root.roles.includes(rootName)) throw new AuthError({ code: "rootRoleNotGranted" });
    this.#enabled = true;
    return [enabledRow(true)];
  }

  disable(): readonly AuthRow[] {
    if (!this.#enabled) return [];
    this.#enabled = false;
    return this.#changed([enabledRow(false)]);
  }

  /** @param user.passwordHash empty when there is none. @throws AuthError "userEmpty" | "userExists" */
  addUser(user: {
    readonly name: string;
    readonly passwordHash: Uint8Array;
    readonly noPassword: boolean;
  }): readonly AuthRow[] {
    if (user.name === "") throw new AuthError({ code: "userEmpty" });
    if (this.#users.has(user.name)) throw new AuthError({ code: "userExists", user: user.name });
    const { passwordHash: password, noPassword } = user;
    return this.#changed([this.#setUser({ name: utf8(user.name), password, roles: [], options: { noPassword } })]);
  }

  /** @throws AuthError "invalidManagement" | "userNotFound" */
  deleteUser(name: string): readonly AuthRow[] {
    if (this.#enabled && name === rootName) throw new AuthError({ code: "invalidManagement" }); // I3
    const user = this.#userNamed(name);
    this.#users.delete(name);
    return this.#changed([{ ...userRow(user), value: undefined }]);
  }

  /** A user without password stays one. @throws AuthError "userNotFound" */
  changePassword(name: string, passwordHash: Uint8Array): readonly AuthRow[] {
    const user = this.#userNamed(name);
    const password = hasNoPassword(user) ? user.password : passwordHash;
    return this.#changed([this.#setUser({ ...user, password })]);
  }

  /** Granting twice changes nothing. @throws AuthError "userNotFound" | "roleNotFound" */
  grantRole(name: string, role: string): readonly AuthRow[] {
    const user = this.#userNamed(name);
    if (role !== rootName) this.#roleNamed(role);
    if (user.roles.includes(role)) return [];
    return this.#changed([this.#setUser({ ...user, roles: [...user.roles, role].sort(compareText) })]);
  }

  /** @throws AuthError "invalidManagement" | "userNotFound" | "roleNotGranted" */
  revokeRole(name: string, role: string): readonly AuthRow[] {
    if (this.#enabled && name === rootName && role === rootName) throw new AuthError({ code: "invalidManagement" }); // I3
    const user = this.#userNamed(name);
    if (!user.roles.includes(role)) throw new AuthError({ code: "roleNotGranted", user: name, role });
    return this.#changed([this.#setUser(withoutRole(user, role))]);
  }

  /** @throws AuthError "roleEmpty" | "roleExists" */
  addRole(name: string): readonly AuthRow[] {
    if (name === "") throw new AuthError({ code: "roleEmpty" });
    if (this.#roles.has(name)) throw new AuthError({ code: "roleExists", role: name });
    return this.#changed([this.#setRole({ name: utf8(name), keyPermission: [] })]);
  }

  /** Takes it from all users too. @throws AuthError "invalidManagement" | "roleNotFound" */
  deleteRole(name: string): readonly AuthRow[] {
    if (this.#enabled && name === rootName) throw new AuthError({ code: "invalidManagement" }); // I3
    const role = this.#roleNamed(name);
    this.#roles.delete(name);
    const rows: AuthRow[] = [{ ...roleRow(role), value: undefined }];
    for (const user of this.userNames().map((one) => this.#userNamed(one))) {
      if (user.roles.includes(name)) rows.push(this.#setUser(withoutRole(user, name)));
    }
    return this.#changed(rows);
  }

  /** @throws AuthError "roleNotFound" */
  grantPermission(name: string, permission: Permission): readonly AuthRow[] {
    return this.#changed([this.#setRole(grantPermission(this.#roleNamed(name), permission))]);
  }

  /** @throws AuthError "roleNotFound" | "permissionNotGranted" */
  revokePermission(name: string, range: Pick<Permission, "key" | "rangeEnd">): readonly AuthRow[] {
    const role = this.#roleNamed(name);
    const changed = revokePermission(role, range);
    if (changed.keyPermission.length === role.keyPermission.length) {
      throw new AuthError({ code: "permissionNotGranted", role: name });
    }
    return this.#changed([this.#setRole(changed)]);
  }

  #userNamed(name: string): AuthUser {
    const user = this.#users.get(name);
    if (user === undefined) throw new AuthError({ code: "userNotFound", user: name });
    return user;
  }

  #roleNamed(name: string): AuthRole {
    const role = this.#roles.get(name);
    if (role === undefined) throw new AuthError({ code: "roleNotFound", role: name });
    return role;
  }

  #setUser(user: AuthUser): AuthRow {
    this.#users.set(utf8Text(user.name), user);
    return userRow(user);
  }

  #setRole(role: AuthRole): AuthRow {
    this.#roles.set(utf8Text(role.name), role);
    return roleRow(role);
  }

  /** I2 */
  #changed(rows: readonly AuthRow[]): readonly AuthRow[] {
    this.#revision += 1;
    this.#merged.clear();
    return [...rows, revisionRow(this.#revision)];
  }
}

export function hasNoPassword(user: AuthUser): boolean {
  return user.options?.noPassword === true;
}

export function hasRootRole(user: AuthUser): boolean {
  return user.roles.includes(rootName);
}

function withoutRole(user: AuthUser, role: string): AuthUser {
  return { ...user, roles: user.roles.filter((one) => one !== role) };
}

function compareText(left: string, right: string): number {
  return compareBytes(utf8(left), utf8(right));
}
