import { once } from "node:events";
import { Etcd3, type IWatchResponse } from "etcd3";
import t from "tap";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { eventsOf, until } from "./etcd3-suite.ts";

// etcd3 of npm with all three members' addresses, while the member that it happens to use goes away.

t.setTimeout(60_000);
const cluster = await startEtcdCluster(t.testdir({}));
t.teardown(() => cluster.close());
const { ca, client: pair } = cluster.credentials;
const client = new Etcd3({
  hosts: cluster.ports.map(({ url }) => url.replace("127.0.0.1", "localhost")),
  credentials: {
    rootCertificate: Buffer.from(ca.certificatePem),
    privateKey: Buffer.from(pair.keyPem),
    certChain: Buffer.from(pair.certificatePem),
  },
});
t.teardown(() => client.close());

t.test("a watch is taken up at another member, with each event once; calls go on, leases live", async (t) => {
  const lease = client.lease(30);
  await lease.put("kept").value("1");
  const watcher = client.watch().prefix("w/").watcher();
  const seen = eventsOf(watcher);
  const [{ header }] = (await once(watcher, "connected")) as [IWatchResponse];
  await client.put("w/1").value("before");
  await until(watcher, () => seen.length === 1);

  const serving = cluster.ports.find(({ memberId }) => String(memberId) === header.member_id);
  if (serving === undefined) throw new Error(`no member has the id ${header.member_id}`);
  const left = once(watcher, "disconnected");
  await cluster.stop(serving);
  await left;
  await cluster.leader(); // the two others agree on one
  const expected = ["Put w/1 before"];
  for (let i = 2; i < 20; i++) {
    await client.put(`w/${i}`).value("after");
    expected.push(`Put w/${i} after`);
  }
  await until(watcher, () => seen.length >= expected.length);
  t.strictSame(seen, expected);
  t.match(await lease.keepaliveOnce(), { TTL: "30" });
  t.equal(await client.get("kept").string(), "1");
  await watcher.cancel();
  await lease.revoke();
});
