import t from "tap";
import type { Endpoints, Namespace, Pod, Service } from "@triarch/api";
import {
  namespaceConditions,
  namespaceIsEmpty,
  planEndpoints,
  planMirroredSlices,
  planNamespace,
  planRootCa,
  type NamespaceContent,
} from "@triarch/reconcile";

const now = { ms: Date.UTC(2026, 0, 1), text: "2026-01-01T00:00:00Z" };
const labels = { app: "web" };

function pod(name: string, ip: string, ready: boolean): Pod {
  return {
    metadata: { name, namespace: "d", uid: name, labels },
    spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 8080 }] }] },
    status: { podIP: ip, phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

const service: Service = {
  metadata: { name: "s", namespace: "d", labels: { l: "1" } },
  spec: { selector: labels, ports: [{ port: 80, targetPort: "http" }] },
};

t.test("Endpoints show ready and other addresses of a port apart", async (t) => {
  const plan = planEndpoints(service, [pod("b", "10.0.0.2", true), pod("a", "10.0.0.1", false)], undefined);
  t.match(plan, {
    kind: "create",
    endpoints: {
      metadata: { name: "s", labels: { l: "1", "endpoints.kubernetes.io/managed-by": "endpoint-controller" } },
      subsets: [{ addresses: [{ ip: "10.0.0.2" }], notReadyAddresses: [{ ip: "10.0.0.1" }], ports: [{ port: 8080 }] }],
    },
  });
  const present = plan.kind === "create" ? plan.endpoints : undefined;
  const again = planEndpoints(service, [pod("a", "10.0.0.1", false), pod("b", "10.0.0.2", true)], present);
  t.same(again, { kind: "none" }, "the order of pods says nothing");
  t.match(planEndpoints(service, [pod("b", "10.0.0.2", true)], present), { kind: "update" });
});

t.test("too many addresses are cut, the ready ones last, and an annotation says so", async (t) => {
  const pods = Array.from({ length: 1_100 }, (_, i) =>
    pod(`p${i}`, `10.1.${Math.floor(i / 250)}.${i % 250}`, i >= 200),
  );
  const plan = planEndpoints(service, pods, undefined);
  const endpoints = plan.kind === "create" ? plan.endpoints : undefined;
  t.equal(endpoints?.subsets?.[0]?.addresses?.length, 900);
  t.equal(endpoints?.subsets?.[0]?.notReadyAddresses?.length, 100);
  t.equal(endpoints?.metadata?.annotations?.["endpoints.kubernetes.io/over-capacity"], "truncated");
});

t.test("Endpoints written by hand are mirrored per address family, and no more once they say so", async (t) => {
  const manual: Service = { metadata: { name: "s", namespace: "d" }, spec: { ports: [{ port: 80 }] } };
  const endpoints: Endpoints = {
    metadata: { name: "s", namespace: "d", uid: "e" },
    subsets: [{ addresses: [{ ip: "10.9.0.1" }, { ip: "fd00::1" }], ports: [{ port: 8080, protocol: "TCP" }] }],
  };
  const { create } = planMirroredSlices(manual, endpoints, []);
  t.same(
    create.map((slice) => [slice.addressType, slice.endpoints?.[0]?.addresses[0]]),
    [
      ["IPv4", "10.9.0.1"],
      ["IPv6", "fd00::1"],
    ],
  );
  t.same(planMirroredSlices(manual, endpoints, create), { create: [], update: [], remove: [] });
  t.same(planMirroredSlices(service, endpoints, create).remove, create, "a selector has its own slices");
  const skipped = { ...endpoints, metadata: { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } } };
  t.same(planMirroredSlices(manual, skipped, create).remove, create);
});

t.test("a namespace goes when nothing is left in it and nothing was overlooked", async (t) => {
  const namespace: Namespace = {
    metadata: { name: "d", deletionTimestamp: now.text },
    spec: { finalizers: ["kubernetes"] },
  };
  t.same(planNamespace(namespace), { kind: "empty" });
  t.same(planNamespace({ ...namespace, metadata: {} }), { kind: "none" });
  t.same(planNamespace({ ...namespace, spec: { finalizers: [] } }), { kind: "none" });
  const nothing: NamespaceContent = { remaining: [], failures: [], discoveryFailure: undefined };
  t.equal(namespaceIsEmpty(nothing), true);
  t.equal(namespaceIsEmpty({ ...nothing, failures: ["pods: refused"] }), false);
  t.equal(namespaceIsEmpty({ ...nothing, discoveryFailure: "x" }), false);
  const held = { resource: "pods", count: 2, finalizers: new Map([["example.com/hold", 2]]) };
  const conditions = namespaceConditions(namespace, { ...nothing, remaining: [held] }, now);
  const of = (type: string) => conditions.find((one) => one.type === type);
  t.match(of("NamespaceContentRemaining"), {
    status: "True",
    message: "Some resources are remaining: pods has 2 resource instances",
  });
  t.match(of("NamespaceFinalizersRemaining"), { status: "True", reason: "SomeFinalizersRemain" });
  t.match(of("NamespaceDeletionDiscoveryFailure"), { status: "False" });
  const later = { ...now, text: "2026-01-01T00:01:00Z" };
  const next = namespaceConditions({ ...namespace, status: { conditions } }, nothing, later);
  const since = (type: string) => next.find((one) => one.type === type)?.lastTransitionTime;
  t.equal(since("NamespaceContentRemaining"), later.text);
  t.equal(since("NamespaceDeletionDiscoveryFailure"), now.text, "what did not change keeps its time");
});

t.test("the published authority is exactly the cluster's; labels are the users'", async (t) => {
  const created = planRootCa("d", undefined, "PEM");
  t.match(created, { kind: "create", configMap: { data: { "ca.crt": "PEM" } } });
  const present = created.kind === "create" ? created.configMap : {};
  t.same(planRootCa("d", present, "PEM"), { kind: "none" });
  const labelled = { ...present, metadata: { ...present.metadata, labels: { x: "y" } } };
  t.same(planRootCa("d", labelled, "PEM"), { kind: "none" });
  const changed = planRootCa("d", { ...labelled, data: { "ca.crt": "PEM", more: "x" } }, "PEM");
  t.match(changed, { kind: "update", configMap: { metadata: { labels: { x: "y" } } } });
  t.same(changed.kind === "update" ? changed.configMap.data : undefined, { "ca.crt": "PEM" });
});
