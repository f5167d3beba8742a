// What the server says about itself: discovery in both forms, version, tables, pages, its own Service.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import type { ApiClient } from "./api-client.ts";
import { nameOf } from "./api-operations.ts";
import { conformance } from "./conformance.ts";

type Objects = readonly JsonObject[];
const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/** One resource of each group version that must be there. */
const wanted: readonly (readonly [group: string, version: string, resource: string])[] = [
  ["", "v1", "namespaces"],
  ["admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"],
  ["apiextensions.k8s.io", "v1", "customresourcedefinitions"],
  ["apiregistration.k8s.io", "v1", "apiservices"],
  ["apps", "v1", "deployments"],
  ["authentication.k8s.io", "v1", "tokenreviews"],
  ["authorization.k8s.io", "v1", "selfsubjectaccessreviews"],
  ["autoscaling", "v1", "horizontalpodautoscalers"],
  ["autoscaling", "v2", "horizontalpodautoscalers"],
  ["batch", "v1", "jobs"],
  ["certificates.k8s.io", "v1", "certificatesigningrequests"],
  ["coordination.k8s.io", "v1", "leases"],
  ["discovery.k8s.io", "v1", "endpointslices"],
  ["events.k8s.io", "v1", "events"],
  ["networking.k8s.io", "v1", "ingresses"],
  ["node.k8s.io", "v1", "runtimeclasses"],
  ["policy", "v1", "poddisruptionbudgets"],
  ["scheduling.k8s.io", "v1", "priorityclasses"],
  ["storage.k8s.io", "v1", "csinodes"],
];

async function aggregated(t: Test, api: ApiClient): Promise<void> {
  const items: JsonObject[] = [];
  for (const path of ["/api", "/apis"]) {
    const { code, body, headers } = await api.call("GET", path, undefined, { accept: aggregatedType });
    t.match([code, body["kind"], body["apiVersion"]], [200, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"], path);
    t.match(headers["content-type"], /g=apidiscovery\.k8s\.io;v=v2;as=APIGroupDiscoveryList/);
    items.push(...(body["items"] as Objects));
  }
  hasAllWanted(t, items);
}

function hasAllWanted(t: Test, items: Objects, where: (group: string) => boolean = () => true): void {
  for (const [group, version, resource] of wanted.filter(([group]) => where(group))) {
    const found = items.find((one) => nameOf(one) === group);
    const inVersion = (found?.["versions"] as Objects | undefined)?.find((one) => one["version"] === version);
    const names = ((inVersion?.["resources"] ?? []) as Objects).map((one) => one["resource"]);
    t.ok(names.includes(resource), `${resource} in ${group}/${version}`);
  }
}

async function acceptHeaders(t: Test, api: ApiClient): Promise<void> {
  for (const path of ["/api", "/apis"]) {
    const group = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (const accept of [
      aggregatedType,
      `${aggregatedType},application/json`,
      `application/json;q=0.5,${aggregatedType}`,
    ]) {
      const { headers, body } = await api.call("GET", path, undefined, { accept });
      t.match(
        [headers["content-type"], body["kind"]],
        [new RegExp(group.replaceAll(".", "\\.")), "APIGroupDiscoveryList"],
        accept,
      );
      hasAllWanted(t, body["items"] as Objects, (group) => (group === "") === (path === "/api"));
    }
    const plain = await api.call("GET", path, undefined, { accept: "application/json" });
    t.match(
      [plain.headers["content-type"], plain.body["kind"]],
      ["application/json", path === "/api" ? "APIVersions" : "APIGroupList"],
    );
  }
}

async function locates(t: Test, api: ApiClient): Promise<void> {
  const groups = (await api.get("/apis"))["groups"] as Objects;
  t.ok(groups.length > 10);
  for (const { versions } of groups) {
    for (const { groupVersion } of versions as readonly { readonly groupVersion: string }[]) {
      const list = await api.get(`/apis/${groupVersion}`);
      t.match(list, { kind: "APIResourceList", groupVersion }, `${groupVersion}`);
      t.ok((list["resources"] as Objects).length > 0);
    }
  }
  for (const [group, version, resource] of wanted) {
    const groupVersion = group === "" ? version : `${group}/${version}`;
    const list = await api.get(group === "" ? `/api/${version}` : `/apis/${groupVersion}`);
    t.equal(list["groupVersion"], groupVersion);
    t.ok(
      (list["resources"] as Objects).some((one) => one["name"] === resource),
      `${resource} in ${groupVersion}`,
    );
  }
}

async function preferredVersions(t: Test, api: ApiClient): Promise<void> {
  for (const one of (await api.get("/apis"))["groups"] as Objects) {
    const name = one["name"] as string;
    const group = await api.get(`/apis/${name}`);
    t.equal(group["name"], name);
    t.same(group["preferredVersion"], one["preferredVersion"]);
    const preferred = (one["preferredVersion"] as JsonObject)["groupVersion"] as string;
    const versions = (group["versions"] as Objects).map((version) => version["groupVersion"]);
    t.ok(versions.includes(preferred), `${name} has its preferred version ${preferred}`);
  }
}

async function version(t: Test, api: ApiClient): Promise<void> {
  const { major, minor } = await api.get("/version");
  t.match([major, minor], [/^[1-9]\d*$/, /^\d+$/]);
}

async function secureService(t: Test, api: ApiClient): Promise<void> {
  const service = await api.get("/api/v1/namespaces/default/services/kubernetes");
  t.match(service, { spec: { ports: [{ name: "https", port: 443 }] } });
}

/** Both name the same addresses and ports. */
async function ownEndpoints(t: Test, api: ApiClient): Promise<void> {
  await secureService(t, api);
  const { subsets } = (await api.get("/api/v1/namespaces/default/endpoints/kubernetes")) as {
    readonly subsets?: readonly { readonly addresses: Objects; readonly ports: Objects }[];
  };
  t.ok((subsets ?? []).length > 0, "there are Endpoints");
  const selected = "labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes";
  const slices = await api.list(`/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?${selected}`);
  t.ok(slices.length > 0, "there are EndpointSlices");
  const pairs = (addresses: readonly unknown[], ports: unknown): string[] =>
    addresses.flatMap((address) => (ports as Objects).map(({ port }) => JSON.stringify([address, port]))).sort();
  const ofEndpoints = (subsets ?? []).flatMap(({ addresses, ports }) =>
    pairs(
      addresses.map(({ ip }) => ip),
      ports,
    ),
  );
  const ofSlices = slices.flatMap(({ endpoints, ports }) =>
    pairs(
      (endpoints as Objects).flatMap(({ addresses }) => addresses as readonly unknown[]),
      ports,
    ),
  );
  t.same(ofSlices, ofEndpoints);
}

async function noTable(t: Test, api: ApiClient): Promise<void> {
  const review = {
    ...{ apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
    spec: { resourceAttributes: { namespace: "default", resource: "pods", verb: "get" } },
  };
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const refused = await api.call("POST", path, review, { accept: table });
  t.match([refused.code, refused.body["kind"], refused.body["reason"]], [406, "Status", "NotAcceptable"]);
  const plain = await api.call("POST", path, review, { accept: `${table},application/json` });
  t.match([plain.code, plain.body["kind"]], [201, "SelfSubjectAccessReview"], "what else is accepted is given");
}

async function pages(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/podtemplates`;
  const count = 40;
  for (let i = 0; i < count; i++) {
    const template = { spec: { containers: [{ name: "c", image: "i" }] } };
    await api.create(path, {
      apiVersion: "v1",
      kind: "PodTemplate",
      metadata: { name: `template-${String(i).padStart(4, "0")}` },
      template,
    });
  }
  for (const limit of [1, 7, 17, count]) {
    const names: string[] = [];
    let token = "";
    let shown = "";
    do {
      const list = await api.get(`${path}?limit=${limit}${token === "" ? "" : `&continue=${token}`}`);
      const metadata = list["metadata"] as {
        readonly continue?: string;
        readonly remainingItemCount?: number;
        readonly resourceVersion: string;
      };
      const items = list["items"] as Objects;
      t.ok(items.length <= limit);
      if (shown === "") shown = metadata.resourceVersion;
      t.equal(metadata.resourceVersion, shown, "every page shows one state");
      names.push(...items.map(nameOf));
      token = metadata.continue ?? "";
      t.equal(metadata.remainingItemCount ?? 0, count - names.length, "what is left is counted");
    } while (token !== "");
    t.same(names, (await api.list(path)).map(nameOf), `in pages of ${limit}`);
  }
}

await conformance(import.meta.filename, {
  AggregatedDiscovery: [
    { name: "should support aggregated discovery interface", steps: aggregated },
    { name: "should support raw aggregated discovery endpoint Accept headers", steps: acceptHeaders },
  ],
  Discovery: [
    { name: "should locate the groupVersion and a resource within each APIGroup", steps: locates },
    { name: "should validate PreferredVersion for each APIGroup", steps: preferredVersions },
  ],
  "server version": [{ name: "should find the server version", steps: version }],
  "API Server": [
    { name: "should provide secure master service", steps: secureService },
    { name: "should have Endpoints and EndpointSlices pointing to API Server", steps: ownEndpoints },
  ],
  "Servers with support for Table transformation": [
    { name: "should return a 406 for a backend which does not implement metadata", steps: noTable },
  ],
  "Servers with support for API chunking": [{ name: "should return chunks of results for list calls", steps: pages }],
});
