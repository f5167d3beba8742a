// Who names no class gets the default one: claims of storage, ingresses. Where several classes are marked as the default,
// the newest counts, and of equally new ones the first by name.
import { childOf, findResource, type JsonObject, objectAt, ownField, type ResourceInfo, textAt } from "@triarch/api";
import { assertDefined } from "@triarch/base";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, isCore } from "./admission.ts";

export const storageClassAnnotation = "volume.beta.kubernetes.io/storage-class";
const defaultStorageAnnotations = [
  "storageclass.kubernetes.io/is-default-class",
  "storageclass.beta.kubernetes.io/is-default-class",
];

export function defaultStorageClass(store: ResourceStore): AdmissionPlugin {
  const classes = assertDefined(
    findResource("storage.k8s.io", "v1", "storageclasses"),
    "no storage classes are served",
  );
  return {
    name: "DefaultStorageClass",
    admitCreate: async (request) => {
      if (!isCore(request, "persistentvolumeclaims")) return;
      const spec = childOf(request.object, "spec");
      // An empty name is a name: it asks for volumes without a class.
      if (isSet(spec, "storageClassName") || isSet(annotationsOf(request.object), storageClassAnnotation)) return;
      const name = await defaultClass(store, classes, defaultStorageAnnotations);
      if (name !== undefined) spec["storageClassName"] = name;
    },
  };
}

export function defaultIngressClass(store: ResourceStore): AdmissionPlugin {
  const classes = assertDefined(
    findResource("networking.k8s.io", "v1", "ingressclasses"),
    "no ingress classes are served",
  );
  return {
    name: "DefaultIngressClass",
    admitCreate: async ({ resource, subresource, object }) => {
      const { group, resource: plural } = resource;
      if (group !== "networking.k8s.io" || plural !== "ingresses" || (subresource ?? "") !== "") return;
      const spec = childOf(object, "spec");
      if (isSet(spec, "ingressClassName") || isSet(annotationsOf(object), "kubernetes.io/ingress.class")) return;
      const name = await defaultClass(store, classes, ["ingressclass.kubernetes.io/is-default-class"]);
      if (name !== undefined) spec["ingressClassName"] = name;
    },
  };
}

/** Cost: O(classes); there are few. */
async function defaultClass(
  store: ResourceStore,
  classes: ResourceInfo,
  annotations: readonly string[],
): Promise<string | undefined> {
  const { items } = await store.list(classes, { resourceVersion: "0" });
  const marked = items
    .map((item) => item.object())
    .filter((object) => annotations.some((key) => textAt(annotationsOf(object), key) === "true"));
  return newestName(marked);
}

/** The name of the newest object; of equally new ones the first name. */
export function newestName(objects: readonly JsonObject[]): string | undefined {
  const known = objects.map((object) => {
    const meta = objectAt(object, "metadata");
    return { name: textAt(meta, "name"), createdAt: textAt(meta, "creationTimestamp") };
  });
  known.sort((left, right) => compareText(right.createdAt, left.createdAt) || compareText(left.name, right.name));
  return known[0]?.name;
}

function annotationsOf(object: JsonObject): JsonObject {
  return objectAt(objectAt(object, "metadata") ?? {}, "annotations") ?? {};
}

function isSet(object: JsonObject, key: string): boolean {
  return typeof ownField(object, key) === "string";
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
