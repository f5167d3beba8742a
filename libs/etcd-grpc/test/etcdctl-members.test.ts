import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { startStore } from "@triarch/etcd-server";
import { silentLogger } from "@triarch/telemetry";
import { connectEtcd, GrpcError } from "../src/index.ts";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { needsEtcdctl, openPort, type CtlRun } from "./etcd-port.ts";

// Unmodified etcdctl 3.4 changes the membership of three real members: add, list, promote, update, remove, move-leader.

t.setTimeout(60_000);
const dir = t.testdir({});
const cluster = await startEtcdCluster(dir);
t.teardown(() => cluster.close());
const { etcdctl } = cluster;

const lastLine = (run: CtlRun): string => run.stderr.trimEnd().split("\n").at(-1) ?? "";
async function output(run: Promise<CtlRun>): Promise<string> {
  const { code, stdout, stderr } = await run;
  return code === 0 ? stdout.trim() : `failed: ${stderr}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Again until etcdctl does not fail, or not in this way any more. */
async function retried(while_: RegExp, ...args: readonly string[]): Promise<string> {
  const patienceMs = 30_000;
  for (const end = performance.now() + patienceMs; ; await delay(50)) {
    const said = await output(etcdctl(...args));
    if (!while_.test(said) || performance.now() > end) return said;
  }
}

const padded = (id: bigint): string => id.toString(16).padStart(16);

t.test("add as a learner, start it, promote it, update it, remove it", needsEtcdctl, async (t) => {
  t.equal(await output(etcdctl("put", "/before", "1")), "OK");
  const port = await freePort();
  const peerUrl = `http://127.0.0.1:${port}`;
  const added = await output(etcdctl("member", "add", "m4", `--peer-urls=${peerUrl}`, "--learner"));
  const [, idText = "", clusterText = ""] = /^Member +([0-9a-f]+) added to cluster +([0-9a-f]+)$/m.exec(added) ?? [];
  t.not(idText, "", added);
  t.match(await output(etcdctl("member", "list")), `${idText}, unstarted, , ${peerUrl}, , true`);
  t.match(
    lastLine(await etcdctl("member", "promote", idText)),
    "etcdserver: can only promote a learner member which is in sync with leader",
  );
  t.match(
    lastLine(await etcdctl("member", "add", "m5", "--peer-urls=http://127.0.0.1:1", "--learner")),
    "etcdserver: too many learner members in cluster",
  );
  t.match(
    lastLine(await etcdctl("member", "add", "m5", `--peer-urls=${peerUrl}`)),
    "etcdserver: Peer URLs already exists",
  );

  const id = BigInt(`0x${idText}`);
  const known = (await cluster.ports[0]?.server.memberList({ linearizable: false }))?.members ?? [];
  const ended = Promise.withResolvers<string>();
  const store = await startStore({
    name: "m4",
    dataDir: join(dir, "m4"),
    clusterToken: "test",
    clusterId: BigInt(`0x${clusterText}`),
    initialMembers: known.map((one) => ({ ...one, name: one.id === id ? "m4" : one.name })),
    join: true,
    clientUrls: ["https://m4.test:2379"],
    listenPeer: { host: "127.0.0.1", port },
    logger: silentLogger,
    onFatal: (error) => ended.resolve(error.message),
  });
  const fourth = await openPort({ dir: join(dir, "client-m4"), store, credentials: cluster.credentials });
  t.teardown(() => fourth.close());
  const listed = await retried(/unstarted/, "member", "list");
  t.match(listed, `${idText}, started, m4, ${peerUrl}, https://m4.test:2379, true`);
  t.match(
    lastLine(await fourth.etcdctl("--command-timeout=2s", "get", "/before")),
    "etcdserver: rpc not supported for learner",
  );
  t.match(await output(fourth.etcdctl("get", "/before", "--consistency=s")), /^$|^\/before\n1$/);
  t.match(
    await retried(/in sync with leader/, "member", "promote", idText),
    `Member ${padded(id)} promoted in cluster`,
  );
  t.match(lastLine(await etcdctl("member", "promote", idText)), "etcdserver: can only promote a learner member");
  t.match(await retried(/rpc not supported/, "get", "/before"), /^\/before\n1$/);
  t.match(await output(etcdctl("member", "list")), `${idText}, started, m4, ${peerUrl}, https://m4.test:2379, false`);

  const elsewhere = `http://127.0.0.1:${await freePort()}`;
  t.match(
    await output(etcdctl("member", "update", idText, `--peer-urls=${elsewhere}`)),
    `Member ${padded(id)} updated in`,
  );
  t.match(await output(etcdctl("member", "list")), `${idText}, started, m4, ${elsewhere},`);
  t.match(await output(etcdctl("member", "remove", idText)), `Member ${padded(id)} removed from cluster`);
  t.match(await ended.promise, "was removed from the cluster");
  t.notMatch(await output(etcdctl("member", "list")), idText);
  t.match(lastLine(await etcdctl("member", "remove", idText)), "etcdserver: member not found");
  t.match(lastLine(await etcdctl("member", "promote", "abc")), "etcdserver: member not found");
});

t.test("move-leader, from all endpoints; to nobody", needsEtcdctl, async (t) => {
  const from = await cluster.leader();
  const to = await cluster.follower();
  const hex = (id: bigint): string => id.toString(16);
  t.equal(
    await output(etcdctl("move-leader", hex(to.memberId))),
    `Leadership transferred from ${hex(from.memberId)} to ${hex(to.memberId)}`,
  );
  t.equal((await cluster.leader()).memberId, to.memberId);
  t.match(lastLine(await etcdctl("move-leader", "abc")), "etcdserver: bad leader transferee");
});

t.test("codes on the wire: each refusal as etcd has it", async (t) => {
  const { ca, client: pair } = cluster.credentials;
  const { url } = await cluster.follower();
  const client = connectEtcd({
    url,
    tls: { caPem: ca.certificatePem, certificatePem: pair.certificatePem, keyPem: pair.keyPem },
    timeoutMs: 20_000,
  });
  t.teardown(() => client.close());
  const codeOf = async (call: Promise<unknown>): Promise<number> => {
    const error = await call.catch((caught: unknown) => caught);
    if (!(error instanceof GrpcError)) throw new Error(`no refusal: ${String(error)}`);
    return error.code;
  };
  t.equal(await codeOf(client.memberAdd({ peerUrls: ["http://no-port"], isLearner: true })), 3);
  t.equal(await codeOf(client.memberRemove(0xabcn)), 5);
  t.equal(await codeOf(client.memberPromote((await cluster.leader()).memberId)), 9);
  t.equal(await codeOf(client.memberReplace({ learnerId: 0xabcn, removedId: 0xdefn })), 5);
});
