import t from "tap";
import { utf8, utf8Text } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { startEtcdCluster } from "./etcd-cluster.ts";
import type { EtcdPort } from "./etcd-port.ts";
import { openSession, RawCall } from "./raw-call.ts";

// Leases on every member of three.

t.setTimeout(60_000);
const cluster = await startEtcdCluster(t.testdir({}));
t.teardown(() => cluster.close());

const keepAlive = { input: proto.LeaseKeepAliveRequest, output: proto.LeaseKeepAliveResponse };

async function renewals(port: EtcdPort, ids: readonly bigint[]) {
  const session = openSession(port);
  const call = new RawCall(session, "/etcdserverpb.Lease/LeaseKeepAlive", keepAlive);
  for (const id of ids) call.send({ id });
  call.stream.end();
  const end = await call.ended;
  session.destroy();
  return { end, received: call.received };
}

t.test("every member renews, and says what is left and which keys hang on it", async (t) => {
  for (const [i, granter] of cluster.ports.entries()) {
    const id = BigInt(i + 1);
    await granter.server.leaseGrant({ id, ttl: 60 });
    await granter.server.put({ key: utf8(`/leased/${i}`), lease: id });
    for (const { server, memberId } of cluster.ports) {
      const renewed = await server.leaseKeepAlive({ id });
      t.match(renewed, { id, ttl: 60, header: { memberId } });
      const times = await server.leaseTimeToLive({ id, keys: true });
      t.match(times, { id, grantedTtl: 60, header: { memberId } });
      t.ok(times.ttl >= 58 && times.ttl <= 60, `${times.ttl} s are left`);
      t.strictSame(times.keys.map(utf8Text), [`/leased/${i}`]);
      t.strictSame((await server.leaseTimeToLive({ id, keys: false })).keys, []);
    }
  }
});

t.test("an unknown lease: TTL 0 on renewal, -1 when asked, on every member", async (t) => {
  for (const port of cluster.ports) {
    t.match(await port.server.leaseTimeToLive({ id: 404n, keys: true }), { ttl: -1, grantedTtl: 0, keys: [] });
    const { end, received } = await renewals(port, [404n, 1n]);
    t.match(end, { code: 0 });
    t.match(received, [
      { id: 404n, ttl: 0 },
      { id: 1n, ttl: 60 },
    ]);
  }
});

t.test("a renewal that the leader's end overtakes is answered by the next leader; the lease is extended", async (t) => {
  const old = await cluster.leader();
  const follower = await cluster.follower();
  await follower.server.leaseGrant({ id: 77n, ttl: 30 });
  const stopping = cluster.stop(old);
  const renewal = await follower.server.leaseKeepAlive({ id: 77n });
  t.match(renewal, { id: 77n, ttl: 30 });
  await stopping;
  const times = await follower.server.leaseTimeToLive({ id: 77n, keys: false });
  t.ok(times.ttl >= 28, `${times.ttl} s are left under the new leader`);
  t.match(await follower.server.leaseRevoke({ id: 77n }), { header: { memberId: follower.memberId } });
  await t.rejects(follower.server.leaseRevoke({ id: 77n }), new Error("etcdserver: requested lease not found"));
});

t.test("an expired lease takes its keys with it, on every member", async (t) => {
  const port = await cluster.follower();
  await port.server.leaseGrant({ id: 88n, ttl: 1 });
  const { header } = await port.server.put({ key: utf8("/short"), lease: 88n });
  const gone = new Promise<proto.Event | undefined>((resolve) => {
    port.server.watch(
      { key: utf8("/short"), rangeEnd: utf8(""), startRevision: (header?.revision ?? 0) + 1, prevKv: false },
      {
        onEvents: (events) => (resolve(events[0]), true),
        onProgress: () => undefined,
        onCompacted: () => resolve(undefined),
        onStopped: () => resolve(undefined),
      },
    );
  });
  t.match(await gone, { type: 1 });
  t.match(await port.server.leaseTimeToLive({ id: 88n, keys: true }), { ttl: -1 });
});
