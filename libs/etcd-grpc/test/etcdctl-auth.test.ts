import t, { type Test } from "tap";
import { utf8 } from "@triarch/base";
import { issueCertificate } from "@triarch/pki";
import { etcdctlFor, makeCredentials, needsEtcdctl, openPort, type CtlRun } from "./etcd-port.ts";
import { startLoneStore } from "./lone-store.ts";

// Unmodified etcdctl 3.4 over mutual TLS: every subcommand of auth, user and role, and what users may do.

t.setTimeout(120_000);
const dir = t.testdir({});
const store = await startLoneStore(dir);
const credentials = await makeCredentials();
const port = await openPort({ dir, store, credentials });
t.teardown(() => port.close());
const { server } = port;

/** What etcdctl printed, in one line; its error if it failed. */
async function text(run: Promise<CtlRun>): Promise<string> {
  const { code, stdout, stderr } = await run;
  const lines = (code === 0 ? stdout : (stderr.trimEnd().split("\n").at(-1) ?? "")).split("\n");
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");
}

// A password costs a tenth of a second of work, many times that on a busy machine: etcdctl gives up after 2 s otherwise.
const etcdctl = (...args: readonly string[]) =>
  text(port.etcdctl("--command-timeout=20s", "--dial-timeout=20s", ...args));
const as = (user: string, ...args: readonly string[]) => etcdctl(`--user=${user}:${user}-pw`, ...args);
const typed = (input: string, ...args: readonly string[]) =>
  text(port.etcdctlWith({ input }, "--dial-timeout=20s", ...args));

t.test("user and role: add, get, list, grant, revoke, passwd, delete", needsEtcdctl, async (t) => {
  t.equal(await etcdctl("user", "add", "root:root-pw"), "User root created");
  t.equal(await typed("anna-pw\n", "user", "add", "anna", "--interactive=false"), "User anna created");
  t.equal(await etcdctl("user", "add", "cn-only", "--no-password"), "User cn-only created");
  t.equal(await etcdctl("user", "add", "anna:x"), "Error: etcdserver: user name already exists");
  t.equal(await etcdctl("user", "list"), "anna cn-only root");
  t.equal(await etcdctl("role", "add", "reader"), "Role reader created");
  t.equal(await etcdctl("role", "add", "reader"), "Error: etcdserver: role name already exists");
  t.equal(await etcdctl("role", "grant-permission", "reader", "read", "/a/", "--prefix=true"), "Role reader updated");
  t.equal(await etcdctl("role", "grant-permission", "reader", "write", "/w"), "Role reader updated");
  t.equal(await etcdctl("role", "grant-permission", "reader", "readwrite", "/x", "--from-key"), "Role reader updated");
  t.equal(await etcdctl("role", "grant-permission", "reader", "read", "/b", "/c"), "Role reader updated");
  t.equal(
    await etcdctl("role", "get", "reader"),
    "Role reader KV Read: [/a/, /a0) (prefix /a/) [/b, /c) (prefix /b) [/x, <open ended> KV Write: /w [/x, <open ended>",
  );
  t.equal(
    await etcdctl("role", "revoke-permission", "reader", "/b", "/c"),
    "Permission of range [/b, /c) is revoked from role reader",
  );
  t.match(await etcdctl("role", "revoke-permission", "reader", "/b", "/c"), /permission is not granted to the role$/);
  t.equal(await etcdctl("role", "list"), "reader");
  t.equal(await etcdctl("user", "grant-role", "anna", "reader"), "Role reader is granted to user anna");
  t.equal(await etcdctl("user", "get", "anna"), "User: anna Roles: reader");
  t.match(await etcdctl("user", "get", "anna", "--detail"), /^User: anna Role reader KV Read:/);
  t.equal(await etcdctl("role", "add", "other"), "Role other created");
  t.equal(await etcdctl("user", "grant-role", "anna", "other"), "Role other is granted to user anna");
  t.equal(await etcdctl("user", "revoke-role", "anna", "other"), "Role other is revoked from user anna");
  t.match(await etcdctl("user", "revoke-role", "anna", "other"), /role is not granted to the user$/);
  t.equal(await etcdctl("role", "delete", "other"), "Role other deleted");
  t.equal(await etcdctl("user", "grant-role", "cn-only", "reader"), "Role reader is granted to user cn-only");
});

/** Runs them side by side; each may be tried alone. */
async function all(t: Test, expected: readonly (readonly [string | RegExp, Promise<string>])[]): Promise<void> {
  for (const [wanted, run] of expected) t.match(await run, wanted);
}

t.test("auth enable, and what each may do", needsEtcdctl, async (t) => {
  for (const key of ["/a/1", "/b", "/w", "/x1"]) await server.put({ key: utf8(key), value: utf8("v") });
  t.equal(await etcdctl("auth", "enable"), "Authentication Enabled", "etcdctl grants root the role root itself");
  const denied = /^Error: etcdserver: permission denied$/;
  await all(t, [
    [denied, etcdctl("get", "/a/1")], // the certificate's name is no user
    [/^\/b v$/, as("root", "get", "/b")],
    [/^\/a\/1 v$/, as("anna", "get", "/a/", "--prefix")],
    [denied, as("anna", "get", "/b")],
    [/^OK$/, as("anna", "put", "/w", "2")],
    [denied, as("anna", "put", "/w", "2", "--prev-kv")],
    [denied, as("anna", "put", "/a/1", "2")],
    [/^1 \/x1 v$/, as("anna", "del", "/x", "--from-key", "--prev-kv")],
  ]);
  await all(t, [
    [/authentication failed, invalid user ID or password$/, as("nobody", "get", "/a/1")],
    [/^\/a\/1 v$/, etcdctl("--user=anna", "--password=anna-pw", "get", "/a/1")],
    [/^User: anna Roles: reader$/, as("anna", "user", "get", "anna")],
    [denied, as("anna", "user", "list")],
    [/permission denied$/, as("anna", "snapshot", "save", `${dir}/denied.db`)],
    [/permission denied\)$/, as("anna", "defrag")],
    [/watch is canceled by the server$/, as("anna", "watch", "/b")],
  ]);
});

t.test("a certificate stands for the user of its common name", needsEtcdctl, async (t) => {
  const request = { nowMs: Date.now(), validityDays: 1, ipAddresses: ["127.0.0.1"], usages: ["client"] } as const;
  const certificate = await issueCertificate(credentials.ca, { ...request, commonName: "cn-only" });
  const own = openClient(certificate);
  t.equal(await text(own("get", "/a/1")), "/a/1 v");
  t.equal(await text(own("get", "/b")), "Error: etcdserver: permission denied");
  t.equal(
    await text(own("--dial-timeout=20s", "--user=root:root-pw", "get", "/b")),
    "/b v",
    "a token counts before it",
  );
  t.match(await as("cn-only", "get", "/a/1"), /password was given for no password user$/);
});

function openClient(client: (typeof credentials)["client"]) {
  const run = etcdctlFor({ dir: `${dir}/own`, urls: [port.url], credentials: { ...credentials, client } });
  return (...args: readonly string[]) => run({}, ...args);
}

t.test("passwd, delete, auth disable", needsEtcdctl, async (t) => {
  t.equal(
    await typed("new-pw\n", "--user=root:root-pw", "user", "passwd", "anna", "--interactive=false"),
    "Password updated",
  );
  t.match(await as("anna", "get", "/a/1"), /authentication failed, invalid user ID or password$/);
  t.equal(await etcdctl("--user=anna:new-pw", "get", "/a/1"), "/a/1 v");
  t.equal(await as("root", "role", "delete", "reader"), "Role reader deleted");
  t.equal(await etcdctl("--user=anna:new-pw", "get", "/a/1"), "Error: etcdserver: permission denied");
  t.equal(await as("root", "user", "delete", "anna"), "User anna deleted");
  t.equal(await as("root", "user", "delete", "root"), "Error: etcdserver: invalid auth management");
  t.match(await etcdctl("auth", "disable"), /permission denied$/);
  t.equal(await as("root", "auth", "disable"), "Authentication Disabled");
  t.equal(await etcdctl("get", "/b"), "/b v");
  t.match(await as("root", "get", "/b"), /^\/b v$/, "no login is needed, and none is in the way");
});
