// Server-side apply at random: what must hold whatever several managers apply, update and give up.
import t, { type Test } from "tap";
import { deepEqual, type JsonObject, type JsonValue, type MutableObject } from "@triarch/api";
import { type Rng, seededRng } from "@triarch/base";
import { applyTypeOf } from "../src/apply/apply-type.ts";
import { createdFields } from "../src/apply/created-fields.ts";
import { writeFieldsV1 } from "../src/apply/fields-v1.ts";
import { managerId, noManagers, readManagers } from "../src/apply/managers.ts";
import { ownersAfterUpdate } from "../src/apply/ownership.ts";
import { extractFields } from "../src/apply/prune.ts";
import { scopeOf } from "../src/apply/managed-scope.ts";
import { ManagedObject } from "./apply-server.ts";

const seed = 20_261_121;
const rounds = 150;
const podType = applyTypeOf("io.k8s.api.core.v1.Pod");
const pods = { group: "", version: "v1", resource: "pods", kind: "Pod", typeName: "io.k8s.api.core.v1.Pod", subresources: [{ name: "status" }] }; // prettier-ignore

function some<T>(rng: Rng, make: (key: string) => T): readonly T[] {
  return ["a", "b", "c"].filter(() => rng.int(2) === 0).map((key) => make(key));
}

function mapOf(rng: Rng): JsonObject {
  return Object.fromEntries(some(rng, (key) => [key, String(rng.int(3))]));
}

function maybe(rng: Rng, name: string, make: () => JsonValue): JsonObject {
  const value = rng.int(2) === 0 ? "" : make();
  // Empty lists and maps are left out of stored objects, so nobody can extract them.
  const isEmpty = typeof value === "object" && value !== null ? Object.keys(value).length === 0 : value === "";
  return isEmpty ? {} : { [name]: value };
}

/** A pod's configuration with scalars, granular and atomic maps, keyed, set and atomic lists, and free-form parts. */
function randomConfig(rng: Rng): JsonObject {
  const container = (name: string): JsonObject => ({
    name,
    ...maybe(rng, "image", () => `i:${rng.int(3)}`),
    ...maybe(rng, "env", () => some(rng, (key) => ({ name: key, value: String(rng.int(2)) }))),
    ...maybe(rng, "ports", () => [{ containerPort: 80 + rng.int(3) }, { containerPort: 90, protocol: "UDP" }]),
    ...maybe(rng, "args", () => some(rng, (key) => key)),
    ...maybe(rng, "resources", () => maybe(rng, "limits", () => mapOf(rng))),
    ...maybe(rng, "securityContext", () => ({ capabilities: { add: ["X"] } })),
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "p",
      ...maybe(rng, "labels", () => mapOf(rng)),
      ...maybe(rng, "annotations", () => mapOf(rng)),
      ...maybe(rng, "finalizers", () => some(rng, (key) => `x/${key}`)),
    },
    spec: {
      containers: [container("always"), ...some(rng, container)],
      ...maybe(rng, "nodeSelector", () => mapOf(rng)),
      ...maybe(rng, "tolerations", () => some(rng, (key) => ({ key }))),
      ...maybe(rng, "priority", () => rng.int(3)),
      ...maybe(rng, "affinity", () => ({ nodeAffinity: {} })),
    },
  };
}

t.test("random managers", async (t) => {
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  for (let round = 0; round < rounds; round++) {
    const pod = new ManagedObject("", "v1", "pods");
    const where = `round ${round} of seed ${seed}`;
    for (let step = 0; step < 5; step++) {
      const manager = `m${rng.int(3)}`;
      const config = randomConfig(rng);
      if (step === 0 && rng.int(2) === 0) pod.create(manager, config);
      else if (step > 0 && rng.int(4) === 0) {
        pod.edit(
          { manager },
          (object) => ((object["metadata"] as MutableObject)["labels"] = mapOf(rng) as MutableObject),
        );
      } else {
        if (pod.apply({ manager, force: true }, config) !== "") t.fail(`refused in ${where}`);
        const after = structuredClone(pod.object);
        pod.apply({ manager }, config);
        if (!deepEqual(pod.object, after)) t.fail(`an apply and the same once more differ in ${where}`);
        checkExtraction(t, pod, manager, where);
      }
      checkOwners(t, pod, where);
    }
  }
  t.pass(`${rounds} rounds`);
});

/** What a manager owns, applied by it, changes nothing. */
function checkExtraction(t: Test, pod: ManagedObject, manager: string, where: string): void {
  const id = managerId({ manager, operation: "Apply", apiVersion: "v1", subresource: "" });
  const own = readManagers(pod.entries)?.get(id);
  if (own === undefined) return;
  const extracted = extractFields(podType, pod.object, own.fields);
  const { metadata, ...rest } = extracted;
  const before = structuredClone(pod.object);
  const refusal = pod.apply({ manager }, { ...rest, metadata: { ...(metadata as JsonObject), name: "p" } });
  if (refusal !== "" || !deepEqual(pod.object, before)) t.fail(`an extraction changes something in ${where}`);
}

/** Nobody owns identity, and every entry says something and can be read. */
function checkOwners(t: Test, pod: ManagedObject, where: string): void {
  const managers = readManagers(pod.entries);
  if (managers === undefined || managers.size !== pod.entries.length)
    t.fail(`unreadable or double entries in ${where}`);
  if (/"f:(?:uid|resourceVersion|managedFields)"|"f:kind"/.test(JSON.stringify(pod.owners))) {
    t.fail(`identity is owned in ${where}`);
  }
}

t.test("a creator's fields, made straight or by comparison, are the same", async (t) => {
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  const scope = scopeOf({ resource: pods, subresource: "" });
  const self = { manager: "m", operation: "Update" as const, apiVersion: "v1", subresource: "" };
  for (let round = 0; round < rounds; round++) {
    const pod = new ManagedObject("", "v1", "pods");
    pod.create("m", randomConfig(rng));
    const { managedFields: _, ...metadata } = pod.object["metadata"] as JsonObject;
    const after = { ...pod.object, metadata };
    const owners = ownersAfterUpdate(scope, { before: scope.zero, after, managers: () => noManagers, self, time: "" });
    const slow = owners?.get(managerId(self))?.fields;
    const fast = createdFields(scope.type, scope.zero, after, scope.exceptOnCreate);
    const [wanted, found] = [slow === undefined ? undefined : writeFieldsV1(slow), fast].map((set) =>
      JSON.stringify(set),
    );
    if (wanted !== found) t.equal(found, wanted, `round ${round} of seed ${seed}`);
  }
  t.pass(`${rounds} rounds`);
});
