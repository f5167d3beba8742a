// Addresses and ports of services: given out once, whoever asks, and given back.
import t from "tap";
import { listAt, objectAt, textAt, type JsonObject } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { memoryStore } from "@triarch/etcd-server";
import { contains, ipv4Text, parseIpv4, parseServiceCidr, randomAddress } from "../src/services/service-cidr.ts";
import { startTestServer } from "./support/test-server.ts";

const services = "/api/v1/namespaces/default/services";
const service = (name: string, spec: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});
const clusterIp = (body: JsonObject): string => textAt(objectAt(body, "spec"), "clusterIP");
const nodePort = (body: JsonObject): unknown =>
  (listAt(objectAt(body, "spec") ?? {}, "ports")[0] as JsonObject)["nodePort"];

t.test("ranges", async (t) => {
  const cidr = parseServiceCidr("10.96.0.0/16");
  t.same([cidr.first, cidr.last, cidr.dynamicFirst].map(ipv4Text), ["10.96.0.1", "10.96.255.254", "10.96.1.1"]);
  t.equal(contains(cidr, parseIpv4("10.97.0.1") ?? 0), false);
  const rng = seededRng(1);
  t.ok(
    Array.from({ length: 1000 }, () => randomAddress(cidr, rng)).every(
      (address) => address >= cidr.dynamicFirst && address <= cidr.last,
    ),
  );
  for (const bad of ["10.96.0.0", "10.96.0.1/16", "10.96.0.0/4", "x/16", "10.96.0.300/24"]) {
    t.throws(() => parseServiceCidr(bad), /service CIDR/, bad);
  }
});

t.test("two masters never give out the same address or port", async (t) => {
  const memory = memoryStore({ clock: systemClock });
  const options = { memory, serviceCidr: "10.96.0.0/26" };
  const masters = [await startTestServer(options), await startTestServer(options)] as const;
  t.teardown(() => Promise.all(masters.map((master) => master.close())));
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      masters[i % 2 === 0 ? 0 : 1].call("POST", services, service(`s${i}`, { type: "NodePort" })),
    ),
  );
  const bodies = answers.map((answer) => answer.body);
  t.same([...new Set(answers.map((answer) => answer.statusCode))], [201]);
  t.equal(new Set(bodies.map(clusterIp)).size, 40);
  t.equal(new Set(bodies.map(nodePort)).size, 40);
  // 62 addresses: one for the API, 40 taken, so 21 are left.
  const more = await Promise.all(
    Array.from({ length: 25 }, (_, i) => masters[0].call("POST", services, service(`m${i}`))),
  );
  t.equal(more.filter(({ statusCode }) => statusCode === 201).length, 21);
  t.match(more.find(({ statusCode }) => statusCode !== 201)?.body["message"], /range is full/);
  await masters[1].call("DELETE", `${services}/s0`);
  const again = await masters[0].call("POST", services, service("again"));
  t.equal(clusterIp(again.body), clusterIp(bodies[0] ?? {}), "the freed address is the only one left");
});

t.test("explicit values, conflicts, and what a failed write gives back", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const { call } = server;
  t.equal(clusterIp((await call("POST", services, service("a", { clusterIP: "10.96.7.7" }))).body), "10.96.7.7");
  t.match(
    (await call("POST", services, service("b", { clusterIP: "10.96.7.7" }))).body["message"],
    /provided IP is already allocated/,
  );
  t.match(
    (await call("POST", services, service("b", { clusterIP: "10.1.1.1" }))).body["message"],
    /does not match the current range/,
  );
  t.match((await call("GET", "/apis/networking.k8s.io/v1/ipaddresses/10.96.7.7")).body, {
    spec: { parentRef: { resource: "services", name: "a" } },
  });
  t.match((await call("POST", services, service("h", { clusterIP: "None" }))).body, {
    spec: { clusterIP: "None", clusterIPs: ["None"] },
  });
  const port = (name: string, nodePort: number) =>
    call("POST", services, service(name, { type: "NodePort", ports: [{ port: 80, nodePort }] }));
  t.equal((await port("p1", 31_000)).statusCode, 201);
  t.match((await port("p2", 31_000)).body["message"], /provided port is already allocated/);
  t.match((await port("p2", 80)).body["message"], /provided port is not in the valid range/);
  t.equal((await call("POST", services, service("a"))).body["reason"], "AlreadyExists");
  // The refused services' addresses are free again: only the API's, a's and p1's are held.
  const held = (await call("GET", "/apis/networking.k8s.io/v1/ipaddresses")).body["items"] as readonly unknown[];
  t.equal(held.length, 3);
  const merge = { "content-type": "application/merge-patch+json" };
  const changed = await call("PATCH", `${services}/a`, { spec: { type: "NodePort" } }, merge);
  t.match(changed.body, { spec: { clusterIP: "10.96.7.7" } });
  t.type(nodePort(changed.body), "number");
  await call("DELETE", `${services}/p1`);
  t.equal((await port("p3", 31_000)).statusCode, 201, "a deleted service's port is free");
  const put = await call("PUT", `${services}/by-put`, service("by-put"));
  t.match([put.statusCode, clusterIp(put.body)], [201, /^10\.96\./], "a PUT that creates allocates too");
  const moved = await call("PATCH", `${services}/by-put`, { spec: { clusterIP: "10.96.7.8" } }, merge);
  t.match(moved.body["message"], /may not change once set/);
});
