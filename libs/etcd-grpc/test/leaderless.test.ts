import t from "tap";
import { utf8 } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import { startEtcdCluster } from "./etcd-cluster.ts";
import { callOnce, openSession, RawCall } from "./raw-call.ts";

// What becomes of calls on a member that is left alone.

t.setTimeout(120_000); // three members on a machine shared with whatever else runs

const range = { input: proto.RangeRequest, output: proto.RangeResponse };
const rangePath = "/etcdserverpb.KV/Range";
const watch = { input: proto.WatchRequest, output: proto.WatchResponse };
const watchPath = "/etcdserverpb.Watch/Watch";
const health = { input: proto.HealthCheckRequest, output: proto.HealthCheckResponse };

t.test("hasleader: without a leader calls fail at once and open streams end; others wait", async (t) => {
  const cluster = await startEtcdCluster(t.testdir({}));
  t.teardown(() => cluster.close());
  const [first, second, third] = cluster.ports;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three members");
  const session = openSession(first);
  t.teardown(() => session.destroy());
  const open = (
    headers: Record<string, string>,
  ): RawCall<
    proto.WatchRequest,
    proto.Init<typeof proto.WatchRequest>,
    proto.WatchResponse,
    proto.WatchResponseInit
  > => {
    const call = new RawCall(session, watchPath, watch, headers);
    call.send({ createRequest: { key: utf8("a") } });
    return call;
  };
  const wants = open({ hasleader: "true" });
  const patient = open({});
  const told = new RawCall(session, "/grpc.health.v1.Health/Watch", health);
  told.send({});
  told.stream.end();
  for (const call of [wants, patient]) await call.until((received) => received.length === 1);
  await told.until((received) => received.length === 1);
  await Promise.all([cluster.stop(second), cluster.stop(third)]);
  t.same(await wants.ended, { code: 14, message: "etcdserver: no leader" });
  // Leadership may have gone round once before it was lost.
  await told.until((received) => received.at(-1)?.status === proto.ServingStatus.notServing);
  t.equal(told.received[0]?.status, proto.ServingStatus.serving);
  const late = await callOnce(session, rangePath, range, { key: utf8("a") }, { hasleader: "true" });
  t.match(late, { code: 14, message: "etcdserver: no leader" });
  t.match(await open({ hasleader: "true" }).ended, { code: 14, message: "etcdserver: no leader" });
  const serializable = await callOnce(session, rangePath, range, { key: utf8("a"), serializable: true });
  t.match(serializable, { code: 0 });
  t.equal(patient.received.length, 1);
  patient.stream.destroy();
});
