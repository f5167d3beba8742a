import type { ResourceRef } from "./types.ts";

function ref(group: string, version: string, resource: string, kind: string, namespaced = true): ResourceRef {
  return { group, version, resource, kind, namespaced };
}

/** The resources that our own components work with. */
export const resourceRefs = {
  configMaps: ref("", "v1", "configmaps", "ConfigMap"),
  daemonSets: ref("apps", "v1", "daemonsets", "DaemonSet"),
  deployments: ref("apps", "v1", "deployments", "Deployment"),
  endpoints: ref("", "v1", "endpoints", "Endpoints"),
  endpointSlices: ref("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
  events: ref("", "v1", "events", "Event"),
  ipAddresses: ref("networking.k8s.io", "v1", "ipaddresses", "IPAddress", false),
  jobs: ref("batch", "v1", "jobs", "Job"),
  leases: ref("coordination.k8s.io", "v1", "leases", "Lease"),
  namespaces: ref("", "v1", "namespaces", "Namespace", false),
  nodes: ref("", "v1", "nodes", "Node", false),
  pods: ref("", "v1", "pods", "Pod"),
  replicaSets: ref("apps", "v1", "replicasets", "ReplicaSet"),
  secrets: ref("", "v1", "secrets", "Secret"),
  serviceAccounts: ref("", "v1", "serviceaccounts", "ServiceAccount"),
  services: ref("", "v1", "services", "Service"),
  statefulSets: ref("apps", "v1", "statefulsets", "StatefulSet"),
} as const satisfies Readonly<Record<string, ResourceRef>>;

/** `/api/v1/namespaces/NS/pods/NAME/SUBRESOURCE`, each part only where given. */
export function resourcePath(
  resource: ResourceRef,
  where: { readonly namespace?: string | undefined; readonly name?: string; readonly subresource?: string | undefined },
): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  let path = root;
  if (resource.namespaced && where.namespace !== undefined)
    path += `/namespaces/${encodeURIComponent(where.namespace)}`;
  path += `/${resource.resource}`;
  if (where.name !== undefined) path += `/${encodeURIComponent(where.name)}`;
  if (where.subresource !== undefined) path += `/${where.subresource}`;
  return path;
}

export function apiVersionOf(resource: ResourceRef): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}
