import t from "tap";
import { utf8 } from "@triarch/base";
import { needsEtcdctl, startEtcdPort, type CtlRun } from "./etcd-port.ts";

// Unmodified etcdctl 3.4 over mutual TLS against one real member: keys, transactions, watches.

t.setTimeout(60_000);
const port = await startEtcdPort(t.testdir({}));
t.teardown(() => port.close());
const { etcdctl, server } = port;

/** What etcdctl printed, less the empty lines; its error if it failed. */
async function text(run: Promise<CtlRun>): Promise<string> {
  const { code, stdout, stderr } = await run;
  if (code !== 0) return stderr.trimEnd().split("\n").at(-1) ?? "";
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .join(" ");
}

const put = (key: string, value: string) => server.put({ key: utf8(key), value: utf8(value) });
const revisionNow = (): number => server.header().revision;

t.test("put and get: prefix, range, revision, limit, order, keys only, count", needsEtcdctl, async (t) => {
  t.equal(await text(etcdctl("put", "/a/1", "x")), "OK");
  t.equal(await text(etcdctl("put", "/a/1", "y", "--prev-kv")), "OK /a/1 x");
  const revision = revisionNow();
  await put("/a/3", "1");
  await put("/a/2", "2");
  await put("/b", "0");
  t.equal(await text(etcdctl("get", "/a/1")), "/a/1 y");
  t.equal(await text(etcdctl("get", "/missing")), "");
  t.equal(await text(etcdctl("get", "/a/", "--prefix")), "/a/1 y /a/2 2 /a/3 1");
  t.equal(await text(etcdctl("get", "/a/2", "/b")), "/a/2 2 /a/3 1");
  t.equal(await text(etcdctl("get", "/a/3", "--from-key")), "/a/3 1 /b 0");
  t.equal(await text(etcdctl("get", "/a/", "--prefix", `--rev=${revision}`)), "/a/1 y");
  t.equal(await text(etcdctl("get", "/a/1", `--rev=${revision - 1}`)), "/a/1 x");
  t.equal(await text(etcdctl("get", "/a/", "--prefix", "--limit=2", "--keys-only")), "/a/1 /a/2");
  t.equal(await text(etcdctl("get", "/a/", "--prefix", "--order=DESCEND", "--sort-by=KEY")), "/a/3 1 /a/2 2 /a/1 y");
  t.equal(await text(etcdctl("get", "/a/", "--prefix", "--sort-by=VALUE", "--print-value-only")), "1 2 y");
  t.equal(await text(etcdctl("get", "/a/", "--prefix", "--sort-by=MODIFY", "--keys-only")), "/a/1 /a/3 /a/2");
  t.match(JSON.parse(await text(etcdctl("get", "/a/", "--prefix", "--limit=1", "-w", "json"))), {
    header: { revision: revisionNow(), raft_term: Number },
    kvs: [{ version: 2, mod_revision: revision, create_revision: revision - 1 }],
    more: true,
    count: 3,
  });
});

t.test("del: one, with what was there, a prefix, nothing", needsEtcdctl, async (t) => {
  for (const key of ["/d/1", "/d/2", "/d/3"]) await put(key, "v");
  t.equal(await text(etcdctl("del", "/d/2", "--prev-kv")), "1 /d/2 v");
  const revision = revisionNow();
  t.equal(await text(etcdctl("del", "/d/2")), "0");
  t.equal(revisionNow(), revision, "nothing changed");
  t.equal(await text(etcdctl("del", "/d/", "--prefix")), "2");
  t.equal(await text(etcdctl("get", "/d/", "--prefix")), "");
});

t.test("txn: the branch that the comparisons choose", needsEtcdctl, async (t) => {
  await put("/t", "1");
  const input = (value: string) => `value("/t") = "${value}"\n\nput /t/then yes\nget /t\n\nput /t/else yes\n\n`;
  const txn = (value: string) => text(port.etcdctlWith({ input: input(value) }, "txn"));
  t.equal(await txn("1"), "SUCCESS OK /t 1");
  t.equal(await txn("2"), "FAILURE OK");
  t.equal(await text(etcdctl("get", "/t/", "--prefix", "--keys-only")), "/t/else /t/then");
  const create = `create("/t/new") = "0"\n\nput /t/new 1\n\nget /t/new\n\n`;
  t.equal(await text(port.etcdctlWith({ input: create }, "txn")), "SUCCESS OK");
  t.equal(await text(port.etcdctlWith({ input: create }, "txn")), "FAILURE /t/new 1");
});

t.test("errors carry etcd's texts, which clients match", needsEtcdctl, async (t) => {
  await put("/e", "1");
  const past = revisionNow();
  await put("/e", "2");
  const revision = revisionNow();
  const failures: [string, Promise<CtlRun>][] = [
    ["etcdserver: key is not provided", etcdctl("put", "", "v")],
    ["etcdserver: key is not provided", etcdctl("get", "")],
    ["etcdserver: mvcc: required revision is a future revision", etcdctl("get", "/e", `--rev=${revision + 1}`)],
    ["etcdserver: requested lease not found", etcdctl("put", "/e", "v", "--lease=77")],
    ["etcdserver: key not found", etcdctl("put", "/e/missing", "--ignore-value")],
    ["etcdserver: mvcc: required revision is a future revision", etcdctl("compact", `${revision + 1}`)],
  ];
  for (const [expected, run] of failures) t.equal(await text(run), `Error: ${expected}`);
  const puts = (count: number) => `\n${Array.from({ length: count }, (_, i) => `put /many/${i} 1\n`).join("")}\n\n`;
  t.match(await text(port.etcdctlWith({ input: puts(128) }, "txn")), /^SUCCESS( OK){128}$/);
  t.equal(
    await text(port.etcdctlWith({ input: puts(129) }, "txn")),
    "Error: etcdserver: too many operations in txn request",
  );
  t.equal(
    await text(port.etcdctlWith({ input: "\nput /e 1\nput /e 2\n\n\n" }, "txn")),
    "Error: etcdserver: duplicate key given in txn request",
  );
  t.equal(await text(etcdctl("compact", `${revision}`)), `compacted revision ${revision}`);
  const compacted = "Error: etcdserver: mvcc: required revision has been compacted";
  t.equal(await text(etcdctl("compact", `${revision}`)), compacted);
  t.equal(await text(etcdctl("get", "/e", `--rev=${past}`)), compacted);
  t.equal(await text(etcdctl("get", "/e", `--rev=${revision}`)), "/e 2");
  t.equal(revisionNow(), revision + 1, "refused writes left no trace");
});

t.test("a request past the bound of the store, and one past the bound of the port", needsEtcdctl, async (t) => {
  const put = (bytes: number) => text(port.etcdctlWith({ input: "v".repeat(bytes) }, "put", "/large"));
  t.equal(await put(1_500_000), "OK");
  t.equal(await put(1_600_000), "Error: etcdserver: request is too large");
  // etcdctl itself refuses to send more than 2 MiB; a client that does is in client.test.ts.
});

t.test("watch: history, then live events, with what was there before", needsEtcdctl, async (t) => {
  await put("/w/1", "a");
  const start = revisionNow();
  await put("/w/1", "b");
  await server.deleteRange({ key: utf8("/w/1") });
  const watching = port.etcdctlWatch("live", "/w/", "--prefix", "--prev-kv", `--rev=${start}`);
  const writing = new AbortController();
  const write = async (): Promise<void> => {
    while (!writing.signal.aborted) {
      await put("/w/2", "live");
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const written = write();
  const output = await watching;
  writing.abort();
  await written;
  const lines = output.split("\n").filter((line) => line !== "");
  const history = ["PUT", "/w/1", "a", "PUT", "/w/1", "a", "/w/1", "b", "DELETE", "/w/1", "b", "/w/1"];
  t.strictSame(lines.slice(0, history.length), history);
  t.strictSame(lines.slice(history.length, history.length + 3), ["PUT", "/w/2", "live"]);
});

t.test("watch: from a compacted revision", needsEtcdctl, async (t) => {
  await put("/w/1", "a");
  await server.compact({ revision: revisionNow(), physical: false });
  const { code, stderr } = await etcdctl("watch", "/w/", "--prefix", "--rev=2");
  t.not(code, 0);
  t.match(stderr, /watch was canceled \(etcdserver: mvcc: required revision has been compacted\)/);
});
