// Discovery documents of the served resources, legacy and aggregated, as kube-apiserver writes them. What is not in the
// table of served resources is in none of them.
import type { JsonObject } from "../json.ts";
import { base64Text } from "../protobuf/base64.ts";
import { contentHash } from "../schema/content-hash.ts";
import type { ResourceInfo, SubresourceInfo } from "../schema/resource-info.ts";
import { apiVersionOf, resources } from "../schema/resources.ts";

/** `GET /api`. @param serverAddress host and port the client reached, for clients that ask where to go */
export function coreVersions(serverAddress: string): JsonObject {
  return {
    kind: "APIVersions",
    versions: versionsOf(""),
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** `GET /apis` */
export function groupList(): JsonObject {
  return { kind: "APIGroupList", apiVersion: "v1", groups: servedGroups().map(groupEntry) };
}

/** `GET /apis/GROUP`; `undefined` for a group that is not served */
export function groupDocument(group: string): JsonObject | undefined {
  if (!servedGroups().includes(group)) return undefined;
  return { kind: "APIGroup", apiVersion: "v1", ...groupEntry(group) };
}

/** `GET /api/v1` and `GET /apis/GROUP/VERSION`; `undefined` for a version that is not served */
export function resourceList(group: string, version: string): JsonObject | undefined {
  const served = resources.filter((info) => info.group === group && info.version === version);
  const [first] = served;
  if (first === undefined) return undefined;
  const groupVersion = apiVersionOf(first);
  const rows = served.flatMap((info) => [
    resourceRow(info),
    ...info.subresources.map((sub) => subresourceRow(info, sub)),
  ]);
  // The core group's document is older than `apiVersion` and goes without it.
  return { kind: "APIResourceList", ...(group === "" ? {} : { apiVersion: "v1" }), groupVersion, resources: rows };
}

/** `GET /api` or `GET /apis` with aggregated discovery asked for. */
export function aggregatedDiscovery(root: "api" | "apis"): JsonObject {
  const groups = root === "api" ? [""] : servedGroups();
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map((group) => ({
      metadata: group === "" ? {} : { name: group },
      versions: versionsOf(group).map((version) => ({
        version,
        resources: resources.filter((info) => info.group === group && info.version === version).map(aggregatedRow),
        freshness: "Current",
      })),
    })),
  };
}

function servedGroups(): readonly string[] {
  return [...new Set(resources.map((info) => info.group))].filter((group) => group !== "");
}

/** Preferred first. */
function versionsOf(group: string): readonly string[] {
  return [...new Set(resources.filter((info) => info.group === group).map((info) => info.version))];
}

function groupEntry(group: string): JsonObject {
  const versions = versionsOf(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceRow(info: ResourceInfo): JsonObject {
  return {
    name: info.resource,
    singularName: info.singular,
    namespaced: info.namespaced,
    kind: info.kind,
    verbs: info.verbs,
    ...namesOf(info),
    ...(isStored(info) ? { storageVersionHash: base64Text(contentHash(info.storagePrefix)) } : {}),
  };
}

/** What can't be watched is made when it is asked for: reviews, bindings, the state of components. */
function isStored({ verbs }: ResourceInfo): boolean {
  return verbs.includes("watch");
}

function subresourceRow(info: ResourceInfo, subresource: SubresourceInfo): JsonObject {
  const isForeign = subresource.group !== info.group || subresource.version !== info.version;
  return {
    name: `${info.resource}/${subresource.name}`,
    singularName: "",
    namespaced: info.namespaced,
    ...(isForeign ? { group: subresource.group, version: subresource.version } : {}),
    kind: subresource.kind,
    verbs: subresource.verbs,
  };
}

function aggregatedRow(info: ResourceInfo): JsonObject {
  const subresources = info.subresources.map((sub) => ({
    subresource: sub.name,
    responseKind: responseKind(info, sub),
    verbs: sub.verbs,
  }));
  return {
    resource: info.resource,
    responseKind: { group: "", version: "", kind: info.kind },
    scope: info.namespaced ? "Namespaced" : "Cluster",
    singularResource: info.singular,
    verbs: info.verbs,
    ...namesOf(info),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

/** Empty group and version stand for those of the document around. */
function responseKind(info: ResourceInfo, { group, version, kind }: SubresourceInfo): JsonObject {
  const isForeign = group !== info.group || version !== info.version;
  return isForeign ? { group, version, kind } : { group: "", version: "", kind };
}

function namesOf(info: ResourceInfo): JsonObject {
  return {
    ...(info.shortNames.length > 0 ? { shortNames: info.shortNames } : {}),
    ...(info.categories.length > 0 ? { categories: info.categories } : {}),
  };
}
