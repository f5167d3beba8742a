// A claim may ask for more once it is bound, where the class of its storage says that volumes grow.
import {
  compareQuantities,
  findResource,
  type JsonObject,
  objectAt,
  parseQuantity,
  textAt,
  zeroQuantity,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { readFresh } from "../identity/bound-objects.ts";
import type { ResourceStore } from "../storage/index.ts";
import { type AdmissionPlugin, isCore, refused } from "./admission.ts";
import { storageClassAnnotation } from "./default-classes.ts";

const notBound = "Only bound persistent volume claims can be expanded";
const notResizable =
  "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";

export function claimResize(store: ResourceStore): AdmissionPlugin {
  const classes = assertDefined(
    findResource("storage.k8s.io", "v1", "storageclasses"),
    "no storage classes are served",
  );

  const mayGrow = async (name: string, oldName: string): Promise<boolean> => {
    if (name === "" || name !== oldName) return false;
    return (await readFresh(store, classes, "", name))?.["allowVolumeExpansion"] === true;
  };

  return {
    name: "PersistentVolumeClaimResize",
    validateUpdate: async (request, next, old) => {
      if (!isCore(request, "persistentvolumeclaims") || compareQuantities(requested(next), requested(old)) <= 0) return;
      if (textAt(objectAt(old, "status"), "phase") !== "Bound") throw refused(request, next, notBound);
      if (!(await mayGrow(classOf(next), classOf(old)))) throw refused(request, next, notResizable);
    },
  };
}

function requested(claim: JsonObject): ReturnType<typeof parseQuantity> {
  const resources = objectAt(objectAt(claim, "spec") ?? {}, "resources") ?? {};
  const text = textAt(objectAt(resources, "requests"), "storage");
  return text === "" ? zeroQuantity : parseQuantity(text);
}

function classOf(claim: JsonObject): string {
  const annotated = textAt(objectAt(objectAt(claim, "metadata") ?? {}, "annotations"), storageClassAnnotation);
  return annotated === "" ? textAt(objectAt(claim, "spec"), "storageClassName") : annotated;
}
