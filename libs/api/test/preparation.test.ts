// What becomes of an object before it is judged: what is dropped without a word, and what is written beside it.
import t from "tap";
import { findKind, type JsonObject, type JsonValue, type MutableObject, textAt } from "@triarch/api";
import { create, nowMs, update } from "./strategy-server.ts";

const container = { name: "c", image: "a:1" };
const podSpec = { containers: [container] };

function made(apiVersion: string, kind: string, body: JsonObject): MutableObject {
  const resource = findKind(apiVersion, kind);
  if (resource === undefined) throw new Error(`no ${kind}`);
  const answer = create(resource, "default", { apiVersion, kind, ...body });
  if (!("object" in answer)) throw new Error(answer.text);
  return answer.object;
}

function changed(old: MutableObject, body: JsonObject): MutableObject {
  const [apiVersion, kind] = [textAt(old, "apiVersion"), textAt(old, "kind")];
  const resource = findKind(apiVersion, kind);
  if (resource === undefined) throw new Error(`no ${kind}`);
  const answer = update(resource, "default", old, { apiVersion, kind, ...body });
  if (!("object" in answer)) throw new Error(answer.text);
  return answer.object;
}

/** `spec.volumes.0` */
function at(object: JsonObject, path: string): JsonValue | undefined {
  return path
    .split(".")
    .reduce<JsonValue | undefined>((value, key) => (value as JsonObject | undefined)?.[key], object);
}

t.test("a gated pod says why it is not scheduled", (t) => {
  const pod = made("v1", "Pod", {
    metadata: { name: "p" },
    spec: { ...podSpec, schedulingGates: [{ name: "a.b/c" }] },
  });
  t.strictSame(at(pod, "status.conditions"), [
    {
      type: "PodScheduled",
      status: "False",
      lastProbeTime: null,
      lastTransitionTime: new Date(nowMs).toISOString().replace(".000", ""),
      reason: "SchedulingGated",
      message: "Scheduling is blocked due to non-empty scheduling gates",
    },
  ]);
  const free = made("v1", "Pod", { metadata: { name: "p" }, spec: podSpec });
  t.equal(at(free, "status.conditions"), undefined);
  t.end();
});

t.test("selectors take up the labels of their own pod", (t) => {
  const labelSelector = { matchLabels: { app: "web" } };
  const term = { topologyKey: "z", labelSelector, matchLabelKeys: ["rev", "no"], mismatchLabelKeys: ["team"] };
  const spread = { maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule", matchLabelKeys: ["rev"] };
  const spec = {
    ...podSpec,
    affinity: {
      podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
    },
    topologySpreadConstraints: [{ ...spread, labelSelector }],
  };
  const pod = made("v1", "Pod", { metadata: { name: "p", labels: { rev: "5", team: "a" } }, spec });
  const of = (key: string, operator: string, value: string): JsonObject => ({ key, operator, values: [value] });
  const both = [of("rev", "In", "5"), of("team", "NotIn", "a")];
  const wished = "podAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.podAffinityTerm";
  t.strictSame(at(pod, `spec.affinity.${wished}.labelSelector.matchExpressions`), both);
  const needed = "podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.0";
  t.strictSame(at(pod, `spec.affinity.${needed}.labelSelector.matchExpressions`), both);
  t.strictSame(at(pod, "spec.topologySpreadConstraints.0.labelSelector.matchExpressions"), [of("rev", "In", "5")]);
  const template = { metadata: { labels: { app: "web", rev: "5" } }, spec };
  const deployment = made("apps/v1", "Deployment", {
    metadata: { name: "d" },
    spec: { selector: labelSelector, template },
  });
  const inTemplate = "spec.template.spec.topologySpreadConstraints.0.labelSelector";
  t.strictSame(at(deployment, inTemplate), labelSelector, "a template is not a pod yet");
  t.end();
});

t.test("annotations that confine become fields", (t) => {
  const key = "container.apparmor.security.beta.kubernetes.io/c";
  const pod = (value: string, more: JsonObject = {}): MutableObject =>
    made("v1", "Pod", { metadata: { name: "p", annotations: { [key]: value } }, spec: { ...podSpec, ...more } });
  const path = "spec.containers.0.securityContext";
  t.strictSame(at(pod("localhost/a"), path), { appArmorProfile: { type: "Localhost", localhostProfile: "a" } });
  t.strictSame(at(pod("unconfined"), path), { appArmorProfile: { type: "Unconfined" } });
  t.equal(at(pod(""), path), undefined);
  const ofPod = { securityContext: { appArmorProfile: { type: "RuntimeDefault" } } };
  t.equal(at(pod("runtime/default", ofPod), path), undefined, "the pod says so already");
  t.equal(at(pod("runtime/default", { os: { name: "windows" } }), path), undefined);
  t.end();
});

t.test("fields of features that are off are dropped, from pods and from every template", (t) => {
  const sources = [
    { clusterTrustBundle: { name: "x", path: "ca" } },
    { podCertificate: { signerName: "a.b/c", keyType: "ED25519", credentialBundlePath: "c" } },
  ];
  const spec = {
    ...podSpec,
    restartPolicy: "Never",
    schedulingGroup: { podGroupName: "g" },
    volumes: [{ name: "v", projected: { sources } }],
  };
  const always = { ...spec, restartPolicy: "Always" };
  const labels = { a: "b" };
  const template = { metadata: { labels }, spec: always };
  const selector = { matchLabels: labels };
  const objects: readonly (readonly [string, string, JsonObject, string])[] = [
    ["v1", "Pod", { spec }, "spec"],
    ["v1", "PodTemplate", { template }, "template.spec"],
    ["v1", "ReplicationController", { spec: { selector: labels, template } }, "spec.template.spec"],
    ["apps/v1", "Deployment", { spec: { selector, template } }, "spec.template.spec"],
    ["apps/v1", "ReplicaSet", { spec: { selector, template } }, "spec.template.spec"],
    ["apps/v1", "DaemonSet", { spec: { selector, template } }, "spec.template.spec"],
    ["apps/v1", "StatefulSet", { spec: { selector, template, serviceName: "s" } }, "spec.template.spec"],
    ["batch/v1", "Job", { spec: { template: { spec } } }, "spec.template.spec"],
    [
      "batch/v1",
      "CronJob",
      { spec: { schedule: "* * * * *", jobTemplate: { spec: { template: { spec } } } } },
      "spec.jobTemplate.spec.template.spec",
    ],
  ];
  for (const [apiVersion, kind, body, path] of objects) {
    const object = made(apiVersion, kind, { metadata: { name: "x" }, ...body });
    t.strictSame(at(object, `${path}.volumes.0.projected.sources`), [{}, {}], kind);
    t.equal(at(object, `${path}.schedulingGroup`), undefined, kind);
    const again = changed(object, { metadata: object["metadata"], ...body, ...withUid(object) });
    t.strictSame(at(again, `${path}.volumes.0.projected.sources`), [{}, {}], `${kind} changed`);
  }
  t.end();
});

/** A Job's selector and labels are generated; an update sends them along. */
function withUid(object: MutableObject): JsonObject {
  return object["kind"] === "Job" ? { spec: object["spec"] } : {};
}

t.test("a StatefulSet does without maxUnavailable, a node without a kubelet's configuration", (t) => {
  const set = made("apps/v1", "StatefulSet", {
    metadata: { name: "x" },
    spec: {
      serviceName: "s",
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: podSpec },
      updateStrategy: { rollingUpdate: { maxUnavailable: 2 } },
    },
  });
  t.strictSame(at(set, "spec.updateStrategy"), { type: "RollingUpdate", rollingUpdate: { partition: 0 } });
  const configMap = { name: "k", namespace: "kube-system", kubeletConfigKey: "k" };
  const node = made("v1", "Node", { metadata: { name: "n" }, spec: { configSource: { configMap } } });
  t.strictSame(node["spec"], {});
  t.end();
});

t.test("what a claim is filled from", (t) => {
  const claim = (more: JsonObject): JsonObject => {
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...more };
    const { dataSource, dataSourceRef } = made("v1", "PersistentVolumeClaim", { metadata: { name: "c" }, spec })[
      "spec"
    ] as MutableObject;
    return { ...(dataSource && { dataSource }), ...(dataSourceRef && { dataSourceRef }) };
  };
  const other = { apiGroup: null, kind: "PersistentVolumeClaim", name: "a" };
  const snapshot = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "a" };
  const custom = { apiGroup: "a.b", kind: "Backup", name: "a" };
  t.strictSame(claim({ dataSource: other }), { dataSource: other, dataSourceRef: other });
  t.strictSame(claim({ dataSource: snapshot }), { dataSource: snapshot, dataSourceRef: snapshot });
  t.strictSame(claim({ dataSource: custom }), {}, "only the new field may name other kinds");
  t.strictSame(claim({ dataSourceRef: custom }), { dataSource: custom, dataSourceRef: custom });
  t.strictSame(claim({ dataSourceRef: { ...other, namespace: "elsewhere" } }), {}, "not from other namespaces");
  t.strictSame(claim({ dataSourceRef: { ...other, namespace: "" } })["dataSource"], other);
  t.end();
});
