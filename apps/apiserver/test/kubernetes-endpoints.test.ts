// The `kubernetes` service names the masters that serve, and only those.
import t from "tap";
import { isObject, listAt, objectAt, type JsonObject } from "@triarch/api";
import { systemClock, type Clock } from "@triarch/base";
import { memoryStore } from "@triarch/etcd-server";
import { masterLeases, masterLeaseTtlSeconds } from "../src/bootstrap/master-leases.ts";
import { publishedAddress } from "../src/bootstrap/published-address.ts";
import { startTestServer, until, type TestServer } from "./support/test-server.ts";

const slicePath = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
const endpointsPath = "/api/v1/namespaces/default/endpoints/kubernetes";

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

async function slice({ call }: TestServer): Promise<readonly string[]> {
  const { body } = await call("GET", slicePath);
  return listAt(body, "endpoints")
    .filter(isObject)
    .map((endpoint) => textOf(listAt(endpoint, "addresses")[0]));
}

async function endpoints({ call }: TestServer): Promise<readonly string[]> {
  const { body } = await call("GET", endpointsPath);
  const subset = listAt(body, "subsets")[0] as JsonObject | undefined;
  return listAt(subset ?? {}, "addresses")
    .filter(isObject)
    .map((address) => textOf(address["ip"]));
}

t.test("masters come and go", async (t) => {
  // A clock that can be pushed forward: a dead master's lease ends without waiting for it.
  let aheadMs = 0;
  const clock: Clock = {
    nowMs: () => systemClock.nowMs() + aheadMs,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
  };
  const memory = memoryStore({ clock });
  const one = await startTestServer({ memory, advertise: { host: "192.0.2.1", port: 6443 } });
  const two = await startTestServer({ memory, advertise: { host: "192.0.2.2", port: 6443 } });
  t.teardown(() => one.close());
  t.same(await slice(two), ["192.0.2.1", "192.0.2.2"]);
  t.same(await endpoints(two), ["192.0.2.1", "192.0.2.2"]);
  t.match((await one.call("GET", "/api/v1/namespaces/default/services/kubernetes")).body, {
    spec: { clusterIP: "10.96.0.1", ports: [{ port: 443, targetPort: 6443 }] },
  });
  await two.close();
  t.same(await slice(one), ["192.0.2.1"], "a graceful stop takes the address out");

  await masterLeases(memory, "192.0.2.3").renew();
  await until("a third master", async () => (await slice(one)).length === 2);
  aheadMs = (masterLeaseTtlSeconds + 1) * 1000;
  memory.expireLeases();
  await until("the dead one is out", async () => (await slice(one)).join() === "192.0.2.1");
  t.same(await endpoints(one), ["192.0.2.1"]);
});

t.test("starting again changes nothing that is there", async (t) => {
  const memory = memoryStore({ clock: systemClock });
  const first = await startTestServer({ memory });
  const paths = [
    "/api/v1/namespaces",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/api/v1/services",
    "/apis/networking.k8s.io/v1/servicecidrs",
  ];
  const read = async (server: TestServer) =>
    Promise.all(paths.map(async (path) => listAt((await server.call("GET", path)).body, "items")));
  const before = await read(first);
  t.same(
    before.map((items) => items.length),
    [4, 2, 1, 1],
  );
  await first.close();
  const second = await startTestServer({ memory });
  t.teardown(() => second.close());
  t.same(await read(second), before);
  t.match(objectAt((await second.call("GET", "/api/v1/namespaces/default")).body, "status"), { phase: "Active" });
});

t.test("a server alone is published under an address that is no loopback", async (t) => {
  const server = await startTestServer({ furnishesNamespaces: true });
  t.teardown(() => server.close());
  const address = publishedAddress("127.0.0.1");
  const expected = address === undefined ? [] : [address];
  t.same(await endpoints(server), expected);
  t.same(await slice(server), expected);
  const ports = [{ name: "https", port: Number(new URL(server.url).port), protocol: "TCP" }];
  t.match((await server.call("GET", slicePath)).body, { ports });
  const quiet = await startTestServer({ furnishesNamespaces: false });
  t.teardown(() => quiet.close());
  t.equal((await quiet.call("GET", endpointsPath)).statusCode, 404, "a master of a cluster that has no such address");

  const lo = { family: "IPv4", address: "127.0.0.1", internal: true };
  const six = { family: "IPv6", address: "2001:db8::1", internal: false };
  const local = { family: "IPv4", address: "169.254.7.7", internal: false };
  const eth = { family: "IPv4", address: "192.0.2.7", internal: false };
  for (const host of ["127.0.0.1", "0.0.0.0", "::"]) {
    t.equal(publishedAddress(host, [lo, six, local, eth]), "192.0.2.7", host);
    t.equal(publishedAddress(host, [lo, six, local]), undefined, host);
  }
  t.equal(publishedAddress("192.0.2.9", [lo, eth]), "192.0.2.9", "the address it listens on, where it is one");
});
