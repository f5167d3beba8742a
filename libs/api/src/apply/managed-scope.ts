// What field management must know of a written resource: its type, the same type in other versions, and which fields
// are tracked on the path that is written. Made once per resource and subresource.
import type { JsonObject } from "../json.ts";
import { apiVersionOf } from "../schema/resources.ts";
import { typeNameOfKind } from "../schema/type-table.ts";
import { convertToVersion } from "../schema/versions.ts";
import { zeroObject } from "../schema/zero-values.ts";
import { applyTypeOf } from "./apply-type.ts";
import type { ObjectVersion, OwnershipScope } from "./ownership.ts";
import { type PathSet, union } from "./path-set.ts";
import { identityFields, trackedFields } from "./untracked-fields.ts";

/** The resource of a write; `ResourceInfo` has it. */
export interface ManagedResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly typeName: string;
  readonly subresources: readonly { readonly name: string }[];
}

/** Who writes what through which path. */
export interface ManagedWrite {
  readonly resource: ManagedResource;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** What the client calls itself; empty counts as `unknown`. */
  readonly manager: string;
  readonly nowMs: number;
}

export interface ManagedScope extends OwnershipScope {
  readonly typeName: string;
  /** The object of which nothing is set; shared, never changed. */
  readonly zero: JsonObject;
  /** What a creator does not own. */
  readonly exceptOnCreate: PathSet;
}

const scopes = new Map<string, ManagedScope>();
/** More than all resources with all their subresources; past it scopes are made again each time. */
const scopesMax = 2000;

export function scopeOf({ resource, subresource }: Pick<ManagedWrite, "resource" | "subresource">): ManagedScope {
  const key = `${resource.group}/${resource.version}/${resource.resource}/${subresource}`;
  const known = scopes.get(key);
  if (known !== undefined) return known;
  const scope = makeScope(resource, subresource);
  if (scopes.size < scopesMax) scopes.set(key, scope);
  return scope;
}

function makeScope(resource: ManagedResource, subresource: string): ManagedScope {
  const tracked = trackedFields(resource, subresource);
  return {
    apiVersion: apiVersionOf(resource),
    typeName: resource.typeName,
    type: applyTypeOf(resource.typeName),
    tracked,
    zero: zeroObject(resource.typeName),
    exceptOnCreate: union(identityFields, tracked.except),
    version: (apiVersion) => versionOf(resource.kind, apiVersion),
  };
}

/** A version is known where the schema has the kind in it. */
function versionOf(kind: string, apiVersion: string): ObjectVersion | undefined {
  const typeName = typeNameOfKind(apiVersion, kind);
  if (typeName === undefined) return undefined;
  return { type: applyTypeOf(typeName), convert: (object) => convertToVersion(object, apiVersion) };
}
