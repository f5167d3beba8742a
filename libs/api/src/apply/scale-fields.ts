// The scale subresource is another kind with one field of the object in it, its replicas. Owners of that field look like
// owners of `spec.replicas` of a Scale while it is written, and go back afterwards.
import type { JsonValue } from "../json.ts";
import type { MutableValue } from "../meta/mutable.ts";
import {
  type ManagerEntry,
  type ManagerId,
  managerId,
  type ManagerName,
  noManagers,
  readManagers,
  writeManagers,
} from "./managers.ts";
import { fieldElement } from "./path-element.ts";
import { difference, fieldPaths, hasPath, isEmptySet, type PathSet, union } from "./path-set.ts";

const scaleApiVersion = "autoscaling/v1";
const scaleReplicas: PathSet = fieldPaths(["spec", "replicas"]);

export interface ScaleMapping {
  /** `metadata.managedFields` of the scaled object. */
  readonly parent: JsonValue | undefined;
  /** The version in which the object is scaled. */
  readonly apiVersion: string;
  /** Where the object has its replicas, `["spec", "replicas"]`. */
  readonly replicasPath: readonly string[];
}

/** The managed fields of the Scale of an object. */
export function managedFieldsOfScale({ parent, replicasPath }: ScaleMapping): MutableValue {
  const path = replicasPath.map(fieldElement);
  const owners = new Map<ManagerId, ManagerEntry>();
  for (const entry of (readManagers(parent) ?? noManagers).values()) {
    if (!hasPath(entry.fields, path)) continue;
    const owner = { ...entry, apiVersion: scaleApiVersion, fields: scaleReplicas };
    owners.set(managerId(owner), owner);
  }
  return writeManagers(owners);
}

/**
 * The managed fields of the object after its Scale was written. Who newly took the replicas gets an entry without a time,
 * as in Kubernetes.
 */
export function managedFieldsAfterScale(mapping: ScaleMapping, scale: JsonValue | undefined): MutableValue {
  const { parent, apiVersion, replicasPath } = mapping;
  const before = readManagers(parent) ?? noManagers;
  const owners = new Map([...(readManagers(scale) ?? noManagers).values()].map((entry) => [idInScale(entry), entry]));
  const replicas = fieldPaths(replicasPath);
  const path = replicasPath.map(fieldElement);
  const after = new Map<ManagerId, ManagerEntry>();
  for (const [id, entry] of before) {
    if (!hasPath(entry.fields, path) || owners.delete(idInScale(entry))) {
      after.set(id, entry);
      continue;
    }
    const fields = difference(entry.fields, replicas);
    if (!isEmptySet(fields)) after.set(id, { ...entry, fields });
  }
  for (const entry of owners.values()) {
    const owner = { ...entry, apiVersion };
    const id = managerId(owner);
    const known = after.get(id);
    const time = entry.operation === "Apply" ? before.get(id)?.time : undefined;
    after.set(
      id,
      known === undefined ? { ...owner, time, fields: replicas } : { ...known, fields: union(known.fields, replicas) },
    );
  }
  return writeManagers(after);
}

/** What an owner is called while the Scale is written. */
function idInScale(entry: ManagerName): ManagerId {
  return managerId({ ...entry, apiVersion: scaleApiVersion });
}
