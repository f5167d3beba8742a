import t from "tap";
import { hex, utf8, utf8Text } from "@triarch/base";
import { AuthRole, AuthUser } from "@triarch/etcd-proto";
import { AuthStore, decodeAuthRows, shownPermissions, type AuthRow } from "../src/index.ts";
import { outcome, permission } from "./helpers.ts";

const password = { passwordHash: utf8("hash"), noPassword: false };

t.test("turning it on needs the user root with the role root", async (t) => {
  const store = new AuthStore();
  const enable = () => outcome(() => store.enable());
  t.equal(enable(), "rootUserNotFound");
  store.addUser({ name: "root", ...password });
  t.equal(enable(), "rootRoleNotGranted");
  store.grantRole("root", "root");
  t.equal(enable(), "allowed", "the role root needs no row of its own");
  t.strictSame(store.enable(), [], "twice changes nothing");
});

t.test("while it is on, nobody can take away the last way in", async (t) => {
  const store = new AuthStore();
  store.addUser({ name: "root", ...password });
  store.addRole("root");
  store.grantRole("root", "root");
  store.enable();
  const { revision } = store;
  t.equal(
    outcome(() => store.deleteUser("root")),
    "invalidManagement",
  );
  t.equal(
    outcome(() => store.revokeRole("root", "root")),
    "invalidManagement",
  );
  t.equal(
    outcome(() => store.deleteRole("root")),
    "invalidManagement",
  );
  t.equal(store.revision, revision);
  store.disable();
  t.equal(
    outcome(() => store.deleteUser("root")),
    "allowed",
  );
});

t.test("refusals change nothing", async (t) => {
  const store = new AuthStore();
  store.addUser({ name: "anna", ...password });
  store.addRole("reader");
  const { revision } = store;
  const refusals: [string, () => unknown][] = [
    ["userEmpty", () => store.addUser({ name: "", ...password })],
    ["userExists", () => store.addUser({ name: "anna", ...password })],
    ["userNotFound", () => store.deleteUser("nobody")],
    ["userNotFound", () => store.changePassword("nobody", utf8("x"))],
    ["userNotFound", () => store.grantRole("nobody", "reader")],
    ["roleNotFound", () => store.grantRole("anna", "writer")],
    ["roleNotGranted", () => store.revokeRole("anna", "reader")],
    ["roleEmpty", () => store.addRole("")],
    ["roleExists", () => store.addRole("reader")],
    ["roleNotFound", () => store.deleteRole("writer")],
    ["roleNotFound", () => store.grantPermission("writer", permission("r a"))],
    ["roleNotFound", () => store.revokePermission("writer", permission("r a"))],
    ["permissionNotGranted", () => store.revokePermission("reader", permission("r a"))],
  ];
  for (const [expected, run] of refusals) t.equal(outcome(run), expected);
  t.equal(store.revision, revision);
});

t.test("each change raises the revision by one; granting a role twice is none", async (t) => {
  const store = new AuthStore();
  t.equal(store.revision, 1);
  const changes: (() => readonly AuthRow[])[] = [
    () => store.addUser({ name: "root", ...password }),
    () => store.grantRole("root", "root"),
    () => store.addRole("r"),
    () => store.grantPermission("r", permission("r a b")),
    () => store.grantPermission("r", permission("r a b")),
    () => store.addUser({ name: "anna", ...password }),
    () => store.grantRole("anna", "r"),
    () => store.changePassword("anna", utf8("other")),
    () => store.revokePermission("r", permission("r a b")),
    () => store.revokeRole("anna", "r"),
    () => store.deleteRole("r"),
    () => store.deleteUser("anna"),
  ];
  for (const [i, change] of changes.entries()) {
    const rows = change();
    t.equal(store.revision, i + 2);
    t.equal(decodeAuthRows(rows).revision, store.revision, "and the rows say so");
  }
  t.strictSame(store.grantRole("root", "root"), []);
  store.enable();
  t.equal(store.revision, changes.length + 1, "turning on is no change of users or roles");
  store.disable();
  t.equal(store.revision, changes.length + 2);
});

t.test("rows are those of etcd's buckets, and a store comes back from them", async (t) => {
  const store = new AuthStore();
  const stored = new Map<string, AuthRow>();
  const keep = (rows: readonly AuthRow[]): void => {
    for (const row of rows) {
      const id = `${row.bucket}/${utf8Text(row.key)}`;
      if (row.value === undefined) stored.delete(id);
      else stored.set(id, row);
    }
  };
  keep(store.addUser({ name: "root", ...password }));
  keep(store.grantRole("root", "root"));
  keep(store.addUser({ name: "cn", passwordHash: new Uint8Array(0), noPassword: true }));
  for (const role of ["b", "a", "c"]) keep(store.addRole(role));
  for (const role of ["b", "a", "c"]) keep(store.grantRole("cn", role));
  keep(store.grantPermission("a", permission("rw k *")));
  keep(store.deleteRole("c"));
  keep(store.enable());
  t.strictSame(
    [...stored.keys()].sort(),
    ["auth/authEnabled", "auth/authRevision", "authRoles/a", "authRoles/b", "authUsers/cn", "authUsers/root"].sort(),
  );
  t.equal(hex(stored.get("auth/authRevision")?.value ?? new Uint8Array(0)), "000000000000000c");
  // name "root", password "hash", role "root", options {}
  t.equal(
    hex(stored.get("authUsers/root")?.value ?? new Uint8Array(0)),
    "0a04726f6f74120468617368" + "1a04726f6f742200",
  );
  t.match(AuthUser.decode(stored.get("authUsers/cn")?.value ?? new Uint8Array(0)), { roles: ["a", "b"] });
  t.match(AuthRole.decode(stored.get("authRoles/a")?.value ?? new Uint8Array(0)).keyPermission, [{ permType: 2 }]);
  const again = new AuthStore();
  again.restore(decodeAuthRows(stored.values()));
  t.equal(again.enabled, true);
  t.equal(again.revision, store.revision);
  t.strictSame(again.userNames(), ["cn", "root"]);
  t.strictSame(again.roleNames(), ["a", "b"]);
  t.strictSame(again.user("cn"), store.user("cn"));
});

t.test("a user without password stays one when its password is changed", async (t) => {
  const store = new AuthStore();
  store.addUser({ name: "cn", passwordHash: new Uint8Array(0), noPassword: true });
  store.changePassword("cn", utf8("hash"));
  t.equal(store.user("cn")?.password.length, 0);
});

t.test("permissions of a role are in order of their keys; one for the same keys is replaced", async (t) => {
  const store = new AuthStore();
  store.addRole("r");
  for (const one of ["r m n", "r a b", "w m n", "r m z"]) store.grantPermission("r", permission(one));
  const shown = () =>
    (store.role("r")?.keyPermission ?? []).map(
      ({ permType, key, rangeEnd }) => `${permType} ${utf8Text(key)} ${utf8Text(rangeEnd)}`,
    );
  t.strictSame(shown(), ["0 a b", "1 m n", "0 m z"]);
  store.revokePermission("r", permission("r m n"));
  t.strictSame(shown(), ["0 a b", "0 m z"]);
  store.addRole("root");
  const root = store.role("root");
  t.match(root === undefined ? [] : shownPermissions(root), [{ permType: 2, key: utf8(""), rangeEnd: utf8("\0") }]);
});
