// What controllers and the scheduler do with objects, where no pod has to run: garbage, namespaces, endpoints, the CA.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import type { ApiClient } from "./api-client.ts";
import { nameOf, updateLatest } from "./api-operations.ts";
import { startComponents } from "./components.ts";
import { conformance } from "./conformance.ts";
import { until } from "../support/until.ts";

type Objects = readonly JsonObject[];
const waitMs = 60_000;

const inNamespace = (namespace: string, resource: string): string => `/api/v1/namespaces/${namespace}/${resource}`;
const inApps = (namespace: string, resource: string): string => `/apis/apps/v1/namespaces/${namespace}/${resource}`;
const slicesOf = (namespace: string, service: string): string =>
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${service}`;

/** Waits until a look at a list shows what it should. */
async function eventually(
  t: Test,
  what: string,
  list: () => Promise<Objects>,
  fits: (found: Objects) => boolean,
): Promise<Objects> {
  let last: Objects = [];
  const found = await until(what, waitMs, async () => {
    last = await list();
    return fits(last) ? last : undefined;
  });
  t.pass(`${what}: ${found.length}`);
  return last;
}

const isEmpty = (found: Objects): boolean => found.length === 0;
const isGone = async (api: ApiClient, path: string): Promise<Objects> =>
  (await api.call("GET", path)).code === 404 ? [] : [{}];

async function namespaceServices(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}`;
  const spec = { selector: { foo: "bar" }, ports: [{ port: 80 }] };
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "test-service" }, spec };
  await until("the default account", waitMs, () => api.get(inNamespace(namespace, "serviceaccounts/default")));
  await api.create(inNamespace(namespace, "services"), service);
  await api.delete(path);
  await eventually(t, "the namespace is gone", () => isGone(api, path), isEmpty);
  await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const { code } = await api.call("GET", inNamespace(namespace, "services/test-service"));
  t.equal(code, 404, "the service went with it");
}

const template = { metadata: { labels: { app: "gc" } }, spec: { containers: [{ name: "nginx", image: "nginx:1" }] } };

/** A Deployment of two pods, once its ReplicaSet has made them. */
async function deployed(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const spec = { replicas: 2, selector: { matchLabels: template.metadata.labels }, template };
  const metadata = { name: "simpletest.deployment" };
  await api.create(inApps(namespace, "deployments"), { apiVersion: "apps/v1", kind: "Deployment", metadata, spec });
  await eventually(
    t,
    "a ReplicaSet",
    () => api.list(inApps(namespace, "replicasets")),
    (found) => found.length === 1,
  );
  await eventually(
    t,
    "two pods",
    () => api.list(inNamespace(namespace, "pods")),
    (found) => found.length === 2,
  );
}

async function remove(api: ApiClient, namespace: string, propagationPolicy: string): Promise<void> {
  const path = inApps(namespace, "deployments/simpletest.deployment");
  const { uid } = (await api.get(path))["metadata"] as { readonly uid: string };
  await api.delete(path, { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy, preconditions: { uid } });
}

async function deploymentGoes(t: Test, api: ApiClient, namespace: string): Promise<void> {
  await deployed(t, api, namespace);
  await remove(api, namespace, "Background");
  for (const path of [
    inApps(namespace, "deployments"),
    inApps(namespace, "replicasets"),
    inNamespace(namespace, "pods"),
  ]) {
    await eventually(t, `${path} is empty`, () => api.list(path), isEmpty);
  }
}

/** Another namespace's garbage is waited for: what was queued before it had its turn by then. */
async function deploymentOrphans(t: Test, api: ApiClient, namespace: string): Promise<void> {
  await deployed(t, api, namespace);
  await remove(api, namespace, "Orphan");
  await eventually(t, "no Deployment", () => api.list(inApps(namespace, "deployments")), isEmpty);
  await deploymentGoes(t, api, await api.makeNamespace());
  const sets = await api.list(inApps(namespace, "replicasets"));
  t.equal(sets.length, 1, "the ReplicaSet stays");
  t.notOk((sets[0]?.["metadata"] as JsonObject)["ownerReferences"], "and nobody owns it");
  t.equal((await api.list(inNamespace(namespace, "pods"))).length, 2, "and its pods");
}

async function dependencyCircle(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const pods = inNamespace(namespace, "pods");
  const uids = new Map<string, string>();
  for (const name of ["pod1", "pod2", "pod3"]) {
    const made = await api.create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: template.spec });
    uids.set(name, (made["metadata"] as { readonly uid: string }).uid);
  }
  const owners = { pod1: "pod3", pod2: "pod1", pod3: "pod2" };
  for (const [name, owner] of Object.entries(owners)) {
    const reference = { apiVersion: "v1", kind: "Pod", name: owner, uid: uids.get(owner) ?? "" };
    const ownerReferences = [{ ...reference, controller: true, blockOwnerDeletion: true }];
    t.match(await api.patch(`${pods}/${name}`, { metadata: { ownerReferences } }), { metadata: { ownerReferences } });
  }
  await api.delete(`${pods}/pod1`, {
    ...{ kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Foreground" },
    preconditions: { uid: uids.get("pod1") ?? "" },
  });
  await eventually(t, "no pod is left", () => api.list(pods), isEmpty);
}

async function rootCa(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = inNamespace(namespace, "configmaps/kube-root-ca.crt");
  const uidOf = (object: JsonObject): unknown => (object["metadata"] as JsonObject)["uid"];
  const first = await until("the CA", waitMs, () => api.get(path));
  t.match(first, { data: { "ca.crt": /BEGIN CERTIFICATE/ } });
  await api.delete(path);
  const second = await until("another one", waitMs, async () => {
    const found = await api.get(path);
    return uidOf(found) === uidOf(first) ? undefined : found;
  });
  t.same(second["data"], first["data"], "deleted, it comes back");
  await updateLatest(api, path, path, (current) => ({ ...current, data: { "ca.crt": "" } }));
  const healed = await until("the CA again", waitMs, async () => {
    const { data } = await api.get(path);
    return (data as JsonObject)["ca.crt"] === "" ? undefined : data;
  });
  t.same(healed, first["data"], "changed, it is set right");
}

async function mirrored(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const name = "example-custom-endpoints";
  const ports = [{ port: 80, targetPort: 80, protocol: "TCP" }];
  const metadata = { name };
  await api.create(inNamespace(namespace, "services"), {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { ports },
  });
  const subsets = (ip: string): Objects => [{ addresses: [{ ip }], ports: [{ port: 80, protocol: "TCP" }] }];
  const endpoints = inNamespace(namespace, "endpoints");
  const made = { apiVersion: "v1", kind: "Endpoints", metadata, subsets: subsets("10.1.2.3") };
  await api.create(endpoints, made);
  const shows = (address: string) => async (): Promise<JsonObject | undefined> => {
    const [slice, ...more] = await api.list(slicesOf(namespace, name));
    const found = ((slice?.["endpoints"] ?? []) as Objects).flatMap(({ addresses }) => addresses as readonly string[]);
    return more.length === 0 && found.length === 1 && found[0] === address ? slice : undefined;
  };
  const slice = await until("the mirrored slice", waitMs, shows("10.1.2.3"));
  t.match(slice, {
    metadata: {
      labels: {
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        "kubernetes.io/service-name": name,
      },
    },
    ports: [{ port: 80, protocol: "TCP" }],
  });
  await updateLatest(api, `${endpoints}/${name}`, `${endpoints}/${name}`, (current) => ({
    ...current,
    subsets: subsets("10.2.3.4"),
  }));
  t.ok(await until("the updated slice", waitMs, shows("10.2.3.4")), "an update is mirrored");
  await api.delete(`${endpoints}/${name}`);
  await eventually(t, "no slice", () => api.list(slicesOf(namespace, name)), isEmpty);
}

const unmatched = { selector: { "does-not-match-anything": "true" }, ports: [{ name: "https", port: 443 }] };

async function emptyEndpoints(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const name = "example-empty-selector";
  const service = { apiVersion: "v1", kind: "Service", metadata: { name }, spec: unmatched };
  await api.create(inNamespace(namespace, "services"), service);
  const path = inNamespace(namespace, `endpoints/${name}`);
  const made = await until("Endpoints", waitMs, () => api.get(path));
  t.same(made["subsets"] ?? [], [], "without addresses");
  await api.delete(inNamespace(namespace, `services/${name}`));
  await eventually(t, "the Endpoints are gone", () => isGone(api, path), isEmpty);
}

async function emptySlices(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const name = "example-empty-selector";
  const service = { apiVersion: "v1", kind: "Service", metadata: { name }, spec: unmatched };
  await api.create(inNamespace(namespace, "services"), service);
  const list = (): Promise<Objects> => api.list(slicesOf(namespace, name));
  const [slice] = await eventually(t, "one slice", list, (found) => found.length === 1);
  t.same(slice?.["endpoints"] ?? [], [], "without endpoints");
  await api.delete(inNamespace(namespace, `services/${name}`));
  await eventually(t, "the slice is gone", list, isEmpty);
}

/** On a node that says it is ready, with nobody behind it. */
async function scheduled(t: Test, api: ApiClient, namespace: string, overhead: JsonObject | undefined): Promise<void> {
  const node = `/api/v1/nodes/${namespace}`;
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const ready = { type: "Ready", status: "True", reason: "Test", lastHeartbeatTime: now, lastTransitionTime: now };
  const amounts = { cpu: "4", memory: "8Gi", pods: "110" };
  await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: namespace } });
  await api.patch(`${node}/status`, { status: { conditions: [ready], capacity: amounts, allocatable: amounts } });
  const classes = "/apis/node.k8s.io/v1/runtimeclasses";
  const metadata = { name: `${namespace}-handler` };
  const more = overhead === undefined ? {} : { overhead: { podFixed: overhead } };
  await api.create(classes, { apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata, handler: "test", ...more });
  const pods = inNamespace(namespace, "pods");
  const spec = { ...template.spec, runtimeClassName: metadata.name };
  await api.create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "test-runtimeclass" }, spec });
  const found = await eventually(
    t,
    "every pod is scheduled",
    () => api.list(pods),
    (list) => list.every((pod) => (pod["spec"] as JsonObject)["nodeName"] === namespace),
  );
  t.same(found.map(nameOf), ["test-runtimeclass"]);
  t.same((found[0]?.["spec"] as JsonObject)["overhead"], overhead);
  await api.delete(`${pods}/test-runtimeclass`, { gracePeriodSeconds: 0 });
  await api.delete(node);
  await api.delete(`${classes}/${metadata.name}`);
}

await conformance(
  import.meta.filename,
  {
    Namespaces: [
      {
        name: "should ensure that all services are removed when a namespace is deleted [Serial]",
        steps: namespaceServices,
      },
    ],
    "Garbage collector": [
      { name: "should delete RS created by deployment when not orphaning", steps: deploymentGoes },
      {
        name: "should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan",
        steps: deploymentOrphans,
      },
      { name: "should not be blocked by dependency circle", steps: dependencyCircle },
    ],
    ServiceAccounts: [{ name: "should guarantee kube-root-ca.crt exist in any namespace", steps: rootCa }],
    EndpointSliceMirroring: [
      { name: "should mirror a custom Endpoints resource through create update and delete", steps: mirrored },
    ],
    EndpointsController: [
      {
        name: "should create and delete Endpoints for a Service with a selector that matches no pods",
        steps: emptyEndpoints,
      },
    ],
    EndpointSlice: [
      {
        name: "should create and delete EndpointSlices for a Service with a selector that matches no pods",
        steps: emptySlices,
      },
    ],
    RuntimeClass: [
      {
        name: "should schedule a Pod requesting a RuntimeClass without PodOverhead",
        steps: (t, api, namespace) => scheduled(t, api, namespace, undefined),
      },
      {
        name: "should schedule a Pod requesting a RuntimeClass and initialize its Overhead",
        steps: (t, api, namespace) => scheduled(t, api, namespace, { cpu: "10m", memory: "1Mi" }),
      },
    ],
  },
  startComponents,
);
