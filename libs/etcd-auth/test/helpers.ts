import { utf8 } from "@triarch/base";
import { PermissionType } from "@triarch/etcd-proto";
import { Access, AuthError, AuthStore, type Identity, type KeysOfLease } from "../src/index.ts";

export const outcome = (run: () => unknown): string => {
  try {
    run();
    return "allowed";
  } catch (error) {
    if (error instanceof AuthError) return error.failure.code;
    throw error;
  }
};

/** `"r /a/ /a0"`: read everything from /a/ up to /a0. Type, key, range end (`*`: open). */
export function permission(text: string) {
  const [type = "", key = "", end = ""] = text.split(" ");
  const permType = { r: PermissionType.read, w: PermissionType.write, rw: PermissionType.readWrite }[type] ?? 0;
  return { permType, key: utf8(key), rangeEnd: utf8(end === "*" ? "\0" : end) };
}

/** A store that is on, with root and with one role for each user, named as the user. */
export function storeOf(grants: Readonly<Record<string, readonly string[]>>): AuthStore {
  const store = new AuthStore();
  store.addUser({ name: "root", passwordHash: utf8("hash"), noPassword: false });
  store.grantRole("root", "root");
  for (const [name, permissions] of Object.entries(grants)) {
    store.addUser({ name, passwordHash: utf8("hash"), noPassword: false });
    store.addRole(name);
    store.grantRole(name, name);
    for (const one of permissions) store.grantPermission(name, permission(one));
  }
  store.enable();
  return store;
}

export function accessOf(store: AuthStore, keysOfLease: KeysOfLease = () => []) {
  const who = (username: string): Identity => ({ username, authRevision: store.revision });
  return { access: new Access(store, keysOfLease), who };
}
