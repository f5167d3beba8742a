// Fields that nobody owns: identity and bookkeeping of every object, and what a write through one path silently keeps
// (the status on the main path, the spec on the status path).
import { fieldElement, type PathElement } from "./path-element.ts";
import { emptyPathSet, fieldPaths, onlyBelow, type PathSet, recursiveDifference } from "./path-set.ts";

/** The server's own part of metadata, and what says which object it is. */
export const identityFields: PathSet = fieldPaths(
  ["apiVersion"],
  ["kind"],
  ["metadata"],
  ...["name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation"].map((name) => [
    "metadata",
    name,
  ]),
  ["metadata", "managedFields"],
  ["metadata", "resourceVersion"],
);

/** What a write through one path can change at all. */
export interface TrackedFields {
  /** Not tracked, with everything below. */
  readonly except: PathSet;
  /** Where present, nothing else is tracked. `*` is any step. */
  readonly only?: readonly (readonly PathElement[])[];
}

export interface WrittenResource {
  /** Empty for the core group. */
  readonly group: string;
  /** Plural, lower case. */
  readonly resource: string;
  readonly subresources: readonly { readonly name: string }[];
}

/** @param subresource empty for the object itself */
export function trackedFields({ group, resource, subresources }: WrittenResource, subresource: string): TrackedFields {
  const special = specialFields[`${group}/${resource}/${subresource}`];
  if (special !== undefined) return special;
  if (subresource === "status") return specOnly;
  const hasStatus = subresources.some(({ name }) => name === "status");
  return hasStatus && subresource !== "scale" ? statusOnly : everything;
}

export function onlyTracked(set: PathSet, tracked: TrackedFields): PathSet {
  const kept = recursiveDifference(set, tracked.except);
  return tracked.only === undefined ? kept : onlyBelow(kept, tracked.only);
}

const everything: TrackedFields = { except: emptyPathSet };
const statusOnly: TrackedFields = { except: fieldPaths(["status"]) };
const specOnly: TrackedFields = { except: fieldPaths(["spec"]) };
const specAndMetadata: TrackedFields = { except: fieldPaths(["spec"], ["metadata"]) };
const below = (...path: readonly string[]): readonly PathElement[] =>
  path.map((step) => (step === "*" ? step : fieldElement(step)));

const specialFields: Readonly<Record<string, TrackedFields>> = {
  "/pods/status": {
    except: fieldPaths(["spec"], ["metadata", "deletionTimestamp"], ["metadata", "ownerReferences"]),
  },
  "/pods/ephemeralcontainers": { except: emptyPathSet, only: [below("spec", "ephemeralContainers")] },
  "/pods/resize": {
    except: emptyPathSet,
    only: ["containers", "initContainers"].flatMap((list) => [
      below("spec", list, "*", "resources"),
      below("spec", list, "*", "resizePolicy"),
    ]),
  },
  "apps/deployments/status": { except: fieldPaths(["spec"], ["metadata", "labels"]) },
  "certificates.k8s.io/certificatesigningrequests/": { except: fieldPaths(["spec"], ["status"]) },
  "certificates.k8s.io/certificatesigningrequests/status": { except: fieldPaths(["spec"], ["status", "conditions"]) },
  "certificates.k8s.io/certificatesigningrequests/approval": {
    except: fieldPaths(["spec"], ["status", "certificate"]),
  },
  "storage.k8s.io/volumeattachments/status": specAndMetadata,
  "flowcontrol.apiserver.k8s.io/flowschemas/status": specAndMetadata,
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/status": specAndMetadata,
  "admissionregistration.k8s.io/validatingadmissionpolicies/status": specAndMetadata,
  "apiextensions.k8s.io/customresourcedefinitions/status": specAndMetadata,
  "apiregistration.k8s.io/apiservices/status": specAndMetadata,
};
