// Field ownership and server-side apply by example.
import t from "tap";
import type { JsonObject, MutableObject } from "@triarch/api";
import { managedFieldsAfterScale, managedFieldsOfScale } from "@triarch/api";
import { updateManagersMax } from "../src/apply/cap-managers.ts";
import { ManagedObject } from "./apply-server.ts";

const meta = (more: JsonObject = {}): JsonObject => ({ metadata: { name: "x", ...more } });
const labels = (of: Readonly<Record<string, string>>): JsonObject => meta({ labels: of });
const leaf = {};

function deployment(container: JsonObject, spec: JsonObject = {}): JsonObject {
  return {
    ...meta(),
    spec: {
      selector: { matchLabels: { app: "x" } },
      template: {
        metadata: { labels: { app: "x" } },
        spec: { containers: [{ name: "a", image: "a:1", ...container }] },
      },
      ...spec,
    },
  };
}

t.test("a creator owns what it sent and what was defaulted, not identity and status", async (t) => {
  const map = new ManagedObject("", "v1", "configmaps");
  map.create("c", { ...labels({ a: "1" }), data: { k: "v" }, immutable: false });
  t.strictSame(map.owners, {
    "c Update": {
      "f:data": { ".": leaf, "f:k": leaf },
      "f:immutable": leaf,
      "f:metadata": { "f:labels": { ".": leaf, "f:a": leaf } },
    },
  });
  const pod = new ManagedObject("", "v1", "pods");
  pod.create("", { ...meta(), spec: { containers: [{ name: "b", image: "i" }, { name: "a", image: "i" }] }, status: { phase: "Failed" } }); // prettier-ignore
  const spec = (pod.owners["unknown Update"] as JsonObject)["f:spec"] as JsonObject;
  t.strictSame(
    Object.keys(spec["f:containers"] as JsonObject),
    ['k:{"name":"a"}', 'k:{"name":"b"}'],
    "in order, no dot",
  );
  t.ok("f:restartPolicy" in spec, "defaults are the creator's");
  t.strictSame(Object.keys(pod.owners["unknown Update"] as JsonObject), ["f:spec"]);
});

t.test("an update takes what it changes, keeps times when it changes nothing, forgets what is gone", async (t) => {
  const map = new ManagedObject("", "v1", "configmaps");
  map.create("c", { ...labels({ a: "1" }), data: { k: "v", l: "w" } });
  const before = structuredClone(map.object);
  map.edit({ manager: "u" }, () => undefined);
  t.strictSame(map.object, before, "nothing changed, nothing written");
  map.edit({ manager: "u" }, (object) => (object["data"] = { k: "other" }));
  t.strictSame(map.owners["u Update"], { "f:data": { "f:k": leaf } });
  t.strictSame((map.owners["c Update"] as JsonObject)["f:data"], leaf, "k is taken, l is gone, the map itself stays");
  map.edit({ manager: "u", subresource: "status" }, (object) => (object["data"] = { k: "third" }));
  t.ok("u Update/status" in map.owners, "a subresource has an entry of its own");
});

t.test("a client may forget the owners, or leave them out", async (t) => {
  for (const reset of [[], [{}]]) {
    const map = new ManagedObject("", "v1", "configmaps");
    map.create("c", { ...meta(), data: { k: "v" } });
    map.update({ manager: "u" }, { ...meta(), data: { k: "w" } });
    t.strictSame(Object.keys(map.owners), ["c Update", "u Update"], "left out: as before");
    map.update({ manager: "u" }, { ...meta({ managedFields: reset }), data: { k: "x" } });
    t.strictSame(map.owners, {}, "forgotten");
    map.update({ manager: "u" }, { ...meta(), data: { k: "y" } });
    t.strictSame(map.owners, {}, "and not tracked until the first apply");
    t.equal(map.apply({ manager: "a" }, { ...meta(), data: { l: "z" } }), "");
    t.strictSame(map.owners, {
      "a Apply": { "f:data": { "f:l": leaf } },
      "before-first-apply Update": { "f:data": { ".": leaf, "f:k": leaf } },
    });
  }
});

t.test("more than ten updaters: the oldest are put together, appliers stay", async (t) => {
  const map = new ManagedObject("", "v1", "configmaps");
  map.create("m00", { ...meta(), data: { k00: "v" } });
  map.apply({ manager: "applier" }, { ...meta(), data: { own: "v" } });
  for (let i = 1; i < updateManagersMax + 4; i++) {
    const name = String(i).padStart(2, "0");
    map.edit({ manager: `m${name}` }, (object) => ((object["data"] as MutableObject)[`k${name}`] = "v"));
  }
  const names = Object.keys(map.owners);
  t.equal(names.length, updateManagersMax + 1);
  t.strictSame(names.slice(0, 2), ["applier Apply", "ancient-changes Update"]);
  const data = (map.owners["ancient-changes Update"] as JsonObject)["f:data"] as JsonObject;
  t.strictSame(Object.keys(data), [".", "f:k00", "f:k01", "f:k02", "f:k03", "f:k04"]);
});

t.test("apply: create, share, conflict, force, give up", async (t) => {
  const object = new ManagedObject("apps", "v1", "deployments");
  t.equal(object.apply({ manager: "one" }, deployment({ ports: [{ containerPort: 80 }] }, { replicas: 2 })), "");
  const ports = { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": leaf, "f:containerPort": leaf } };
  t.match(object.owners["one Apply"], { "f:spec": { "f:replicas": leaf, "f:template": { "f:spec": { "f:containers": { 'k:{"name":"a"}': { "f:ports": ports } } } } } }); // prettier-ignore
  const first = structuredClone(object.object);
  t.equal(object.apply({ manager: "one" }, deployment({ ports: [{ containerPort: 80 }] }, { replicas: 2 })), "");
  t.strictSame(object.object, first, "the same once more changes nothing");
  t.equal(object.apply({ manager: "two" }, { ...meta(), spec: { replicas: 2 } }), "", "the same value is shared");
  t.notOk("time" in (object.entries.find(({ manager }) => manager === "two") ?? {}), "sharing has no time");
  t.equal(
    object.apply({ manager: "two" }, deployment({ image: "a:2" }, { replicas: 3 })),
    '409 Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n- .spec.template.spec.containers[name="a"].image',
  );
  t.equal(object.apply({ manager: "two", force: true }, { ...meta(), spec: { replicas: 3 } }), "");
  t.notOk("f:replicas" in ((object.owners["one Apply"] as JsonObject)["f:spec"] as JsonObject), "taken by force");
  t.equal(object.apply({ manager: "one" }, deployment({}, {})), "", "gives up replicas and the port");
  const spec = object.object["spec"] as JsonObject;
  t.equal(spec["replicas"], 3, "another owns it");
  t.notMatch(JSON.stringify(spec), /containerPort/, "nobody else owns it, its default goes with it");
  t.equal(object.apply({ manager: "two" }, meta()), "");
  t.equal((object.object["spec"] as JsonObject)["replicas"], 1, "back to the default");
  t.notOk("two Apply" in object.owners);
});

t.test("apply: an update's fields conflict and say in which version", async (t) => {
  const map = new ManagedObject("", "v1", "configmaps");
  map.create("edit", { ...meta(), data: { a: "1", b: "1" } });
  t.equal(map.apply({ manager: "x" }, { ...meta(), data: { a: "2" } }), '409 Apply failed with 1 conflict: conflict with "edit" using v1: .data.a'); // prettier-ignore
  map.edit({ manager: "st", subresource: "status" }, (object) => (object["data"] = { a: "1", b: "3" }));
  t.match(map.apply({ manager: "x" }, { ...meta(), data: { b: "2" } }), /conflict with "st" with subresource "status" using v1: \.data\.b$/); // prettier-ignore
});

t.test(
  "apply: items of lists keep their order, sets are shared item by item, atomic lists are owned whole",
  async (t) => {
    const pod = new ManagedObject("", "v1", "pods");
    const containers = (...names: readonly string[]): JsonObject => ({ ...meta(), spec: { containers: names.map((name) => ({ name, image: "i" })) } }); // prettier-ignore
    const names = (): unknown =>
      ((pod.object["spec"] as JsonObject)["containers"] as JsonObject[]).map(({ name }) => name);
    pod.apply({ manager: "one" }, containers("a", "b", "c", "d"));
    pod.apply({ manager: "two" }, containers("d", "x", "b"));
    t.strictSame(names(), ["a", "c", "d", "x", "b"]);
    pod.apply({ manager: "one" }, containers("a"));
    t.strictSame(names(), ["a", "d", "x", "b"], "c goes, what two owns stays");
    pod.apply({ manager: "one" }, meta({ finalizers: ["x/1", "x/2"] }));
    pod.apply({ manager: "three" }, meta({ finalizers: ["x/2", "x/3"] }));
    pod.apply({ manager: "one" }, meta());
    t.strictSame((pod.object["metadata"] as JsonObject)["finalizers"], ["x/2", "x/3"]);
    pod.apply({ manager: "one" }, { ...meta(), spec: { tolerations: [{ key: "a" }] } });
    t.match(pod.apply({ manager: "two" }, { ...containers("d"), spec: { tolerations: [{ key: "b" }] } }), /\.spec\.tolerations$/); // prettier-ignore
  },
);

t.test("apply: what can't be applied", async (t) => {
  const object = new ManagedObject("apps", "v1", "deployments");
  object.create("c", deployment({}));
  const refusal = (config: JsonObject): string => object.apply({ manager: "m" }, config);
  t.equal(refusal({ ...meta(), kind: "ReplicaSet" }), "400 invalid object type: apps/v1, Kind=ReplicaSet");
  t.equal(refusal({ ...meta(), apiVersion: "apps/v2" }), "400 invalid object type: apps/v2, Kind=Deployment");
  t.equal(refusal(meta({ managedFields: [] })), "400 metadata.managedFields must be nil");
  const where = "500 failed to create typed patch object (/x; apps/v1, Kind=Deployment): ";
  t.equal(refusal({ ...meta(), spec: { replikas: 1 } }), `${where}.spec.replikas: field not declared in schema`);
  const twice = { ...meta(), spec: { template: { spec: { containers: [{ name: "a" }, { name: "a" }] } } } };
  t.equal(refusal(twice), `${where}.spec.template.spec.containers: duplicate entries for key [name="a"]`);
  const wrong = { ...meta({ labels: { a: 1 } }), spec: { replicas: "1", paused: "no", template: [] } };
  t.equal(
    refusal(wrong),
    `${where}errors:\n  .metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}\n` +
      "  .spec.replicas: expected numeric (int or float), got string\n" +
      '  .spec.paused: expected boolean, got &value.valueUnstructured{Value:"no"}\n' +
      "  .spec.template: expected map, got &value.valueUnstructured{Value:[]interface {}}",
  );
});

t.test("kubectl changes over from client-side apply without conflicts, and its annotation follows", async (t) => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const config = { apiVersion: "v1", kind: "ConfigMap", ...meta(), data: { a: "1", b: "1" } };
  const applied = { [annotation]: `${JSON.stringify(config)}\n` };
  const map = new ManagedObject("", "v1", "configmaps");
  map.create("kubectl-client-side-apply", { ...config, ...meta({ annotations: applied }) });
  const next = { ...meta(), data: { a: "2", b: "1" } };
  t.match(map.apply({ manager: "other" }, next), /^409/, "others have conflicts");
  t.equal(map.apply({ manager: "kubectl" }, next), "");
  const text = ((map.object["metadata"] as JsonObject)["annotations"] as Record<string, string>)[annotation] ?? "";
  t.equal(text, '{"apiVersion":"v1","data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"name":"x"}}\n');
  map.edit({ manager: "hand" }, (object) => (object["data"] = { a: "3", b: "1" }));
  t.match(map.apply({ manager: "kubectl" }, next), /conflict with "hand" using v1: \.data\.a/, "changed since");
});

t.test("a list item that nothing identifies has no owner, and stops no write but an apply", async (t) => {
  const account = new ManagedObject("", "v1", "serviceaccounts");
  account.create("c", { ...meta(), secrets: [{ namespace: "n" }], imagePullSecrets: [{}] });
  t.strictSame(account.owners, {});
  t.match(account.apply({ manager: "a" }, labels({ a: "1" })), /^500 failed to create typed live object/);
  const pod = new ManagedObject("", "v1", "pods");
  pod.create("c", { ...meta(), spec: { containers: [], imagePullSecrets: [{}] } });
  const owned = (pod.owners["c Update"] as JsonObject)["f:spec"] as JsonObject;
  t.strictSame(
    owned["f:imagePullSecrets"],
    { ".": leaf, 'k:{"name":""}': leaf },
    "a name that is not there is the empty one",
  );
  account.create("c", labels({ a: "1" }));
  account.edit({ manager: "u" }, (object) => (object["secrets"] = [{ namespace: "n" }]));
  t.strictSame(Object.keys(account.owners), ["c Update"], "owners stay as they were");
});

t.test("old objects: sets that go into what is owned whole now are cut off there", async (t) => {
  const object = new ManagedObject("apps", "v1", "deployments");
  object.create("c", deployment({}));
  const fieldsV1 = { "f:spec": { "f:selector": { "f:matchLabels": { "f:app": leaf } } } };
  const old = [{ manager: "old", operation: "Apply", apiVersion: "apps/v1", fieldsType: "FieldsV1", fieldsV1 }];
  object.update({ manager: "u" }, { ...deployment({ image: "a:2" }), ...meta({ managedFields: old }) });
  t.strictSame(object.owners["old Apply"], { "f:spec": { "f:selector": leaf } });
});

t.test("scale: who owns the replicas looks like an owner of the Scale, and back", async (t) => {
  const object = new ManagedObject("apps", "v1", "deployments");
  object.apply({ manager: "one" }, deployment({}, { replicas: 2 }));
  const mapping = { parent: object.entries, apiVersion: "apps/v1", replicasPath: ["spec", "replicas"] };
  const scale = managedFieldsOfScale(mapping) as JsonObject[];
  t.match(scale, [{ manager: "one", apiVersion: "autoscaling/v1", fieldsV1: { "f:spec": { "f:replicas": leaf } } }]);
  t.strictSame(managedFieldsAfterScale(mapping, scale), object.entries, "unchanged");
  const taken = [{ ...scale[0], manager: "hpa", operation: "Update", subresource: "scale" }] as JsonObject[];
  const after = managedFieldsAfterScale(mapping, taken) as JsonObject[];
  t.notMatch(JSON.stringify(after[0]), /f:replicas/);
  t.strictSame([after[1]?.["manager"], after[1]?.["apiVersion"], after[1]?.["time"]], ["hpa", "apps/v1", undefined]);
});
