import t from "tap";
import {
  convertToVersion,
  fieldSchema,
  findKind,
  findResource,
  resources,
  storageApiVersion,
  typeNameOfKind,
  typeNames,
  typeSchema,
} from "@triarch/api";
import { contentHash } from "../src/schema/content-hash.ts";
import { hex } from "@triarch/base";

t.test("fields carry what patches, server-side apply and the wire need", async (t) => {
  const containers = fieldSchema("io.k8s.api.core.v1.PodSpec").get("containers");
  t.match(containers, {
    value: { kind: "list", items: { kind: "object", typeName: "io.k8s.api.core.v1.Container" } },
    required: true,
    listType: "map",
    listMapKeys: ["name"],
    patchStrategy: ["merge"],
    patchMergeKey: "name",
    protoPath: [2],
  });
  t.same(fieldSchema("io.k8s.api.core.v1.PodSpec").get("volumes")?.patchStrategy, ["merge", "retainKeys"]);
  t.equal(fieldSchema("io.k8s.api.core.v1.ContainerPort").get("protocol")?.keyDefault, "TCP");
  t.same(fieldSchema("io.k8s.api.core.v1.Volume").get("secret")?.protoPath, [2, 6], "inlined by JSON");
  t.equal(fieldSchema("io.k8s.api.apps.v1.DeploymentSpec").get("replicas")?.pointer, true);
  t.equal(fieldSchema("io.k8s.api.apps.v1.DeploymentSpec").get("minReadySeconds")?.pointer, false);
  t.equal(typeSchema("io.k8s.api.core.v1.LabelSelector"), undefined);
  t.equal(typeSchema("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector")?.mapType, "atomic");
  t.equal(typeSchema("constructor"), undefined);
});

t.test("every type that a field names is in the table", async (t) => {
  const missing: string[] = [];
  for (const name of typeNames())
    for (const field of fieldSchema(name).values()) {
      let value = field.value;
      while (value.kind === "list" || value.kind === "map") value = value.kind === "list" ? value.items : value.values;
      if (value.kind === "object" && typeSchema(value.typeName) === undefined) missing.push(`${name}.${field.name}`);
    }
  t.same(missing, []);
});

t.test("kinds and resources are found", async (t) => {
  t.equal(findResource("", "v1", "pods")?.kind, "Pod");
  t.equal(findResource("apps", "v1", "deployments"), findKind("apps/v1", "Deployment"));
  t.equal(findResource("apps", "v1", "pods"), undefined);
  t.equal(findResource("", "v1", "constructor"), undefined);
  t.equal(findResource("authorization.k8s.io", "v1", "subjectaccessreviews")?.kind, "SubjectAccessReview");
  t.equal(typeNameOfKind("v1", "PodList"), "io.k8s.api.core.v1.PodList");
  t.equal(typeNameOfKind("apps/v1", "DeleteOptions"), "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
  t.equal(typeNameOfKind("v2", "Pod"), undefined);
});

t.test("served resources have a definition, a list kind and Kubernetes' storage keys", async (t) => {
  for (const info of resources) {
    t.ok(typeSchema(info.typeName)?.fields.has("metadata"), `${info.resource} has metadata`);
    const apiVersion = info.group === "" ? info.version : `${info.group}/${info.version}`;
    if (info.verbs.includes("list")) t.ok(typeNameOfKind(apiVersion, info.listKind), `${info.listKind} is defined`);
  }
  const prefix = (group: string, version: string, resource: string): string | undefined =>
    findResource(group, version, resource)?.storagePrefix;
  t.equal(prefix("", "v1", "pods"), "/registry/pods");
  t.equal(prefix("", "v1", "nodes"), "/registry/minions");
  t.equal(prefix("", "v1", "services"), "/registry/services/specs");
  t.equal(prefix("", "v1", "endpoints"), "/registry/services/endpoints");
  t.equal(prefix("networking.k8s.io", "v1", "ingresses"), "/registry/ingress");
  t.equal(prefix("events.k8s.io", "v1", "events"), "/registry/events");
});

t.test("events have one storage and two versions", async (t) => {
  const core = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e", namespace: "default" },
    involvedObject: { kind: "Pod", name: "p" },
    reason: "Started",
    message: "it runs",
    source: { component: "kubelet" },
    firstTimestamp: "2026-01-02T03:04:05Z",
    lastTimestamp: "2026-01-02T03:04:06Z",
    count: 2,
    type: "Normal",
    eventTime: null,
    reportingComponent: "kubelet",
    reportingInstance: "n1",
  };
  const other = convertToVersion(core, "events.k8s.io/v1");
  t.match(other, { regarding: { name: "p" }, note: "it runs", deprecatedCount: 2, reportingController: "kubelet" });
  t.notOk("involvedObject" in other);
  t.same(convertToVersion(other, "v1"), core);
  t.equal(convertToVersion(core, "v1"), core);
  const info = findKind("events.k8s.io/v1", "Event");
  t.equal(info && storageApiVersion(info), "v1");
});

t.test("the content hash is FNV-1a", async (t) => {
  t.equal(hex(contentHash("")), "cbf29ce484222325");
  t.equal(hex(contentHash("a")), "af63dc4c8601ec8c");
  t.equal(hex(contentHash("foobar")), "85944171f73967e8");
});
