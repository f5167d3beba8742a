// The served resources in the order of discovery, and look-ups by path and by kind.
import { assertDefined } from "@triarch/base";
import discovered from "../generated/resources.json" with { type: "json" };
import type { ResourceInfo } from "./resource-info.ts";
import { isServedSubresource, storagePrefix } from "./served.ts";
import { typeNameOfKind } from "./type-table.ts";

export const resources: readonly ResourceInfo[] = discovered.map((row): ResourceInfo => {
  const apiVersion = row.group === "" ? row.version : `${row.group}/${row.version}`;
  return {
    ...row,
    listKind: `${row.kind}List`,
    subresources: row.subresources.filter((subresource) => isServedSubresource(row.resource, subresource.name)),
    typeName: assertDefined(
      typeNameOfKind(apiVersion, row.kind),
      `resources: ${apiVersion} ${row.kind} has no definition in the schema`,
    ),
    storagePrefix: storagePrefix(row.group, row.resource),
  };
});

const byPath = new Map(resources.map((info) => [`${info.group}/${info.version}/${info.resource}`, info]));
const byKind = new Map(resources.map((info) => [`${info.group}/${info.version}/${info.kind}`, info]));

/** @param resource the plural name as in a URL */
export function findResource(group: string, version: string, resource: string): ResourceInfo | undefined {
  return byPath.get(`${group}/${version}/${resource}`);
}

/** @param apiVersion as in an object: `v1`, `apps/v1` */
export function findKind(apiVersion: string, kind: string): ResourceInfo | undefined {
  return byKind.get(apiVersion.includes("/") ? `${apiVersion}/${kind}` : `/${apiVersion}/${kind}`);
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}
