// What this server offers, in one table: resources.json lists what Kubernetes 1.36 has; here is which of it is served and
// where it is stored. What is absent from discovery is absent from the server: its paths answer 404.

/** Not served yet, by `group/resource` or by group alone. */
const absent: ReadonlySet<string> = new Set([]);

const servedSubresources: ReadonlySet<string> = new Set([
  "status",
  "scale",
  "finalize",
  "pods/binding",
  "pods/ephemeralcontainers",
  "pods/eviction",
  "pods/log",
  "pods/resize",
  "pods/exec",
  "pods/attach",
  "pods/portforward",
  "proxy",
  "certificatesigningrequests/approval",
  "serviceaccounts/token",
]);

/** Where a resource's keys do not start with its plural name, as in Kubernetes. */
const storageFolders: Readonly<Record<string, string>> = {
  "/nodes": "minions",
  "/services": "services/specs",
  "/endpoints": "services/endpoints",
  "/replicationcontrollers": "controllers",
  "networking.k8s.io/ingresses": "ingress",
  "apiextensions.k8s.io/customresourcedefinitions": "apiextensions.k8s.io/customresourcedefinitions",
  "apiregistration.k8s.io/apiservices": "apiregistration.k8s.io/apiservices",
};

export function isServed(group: string, resource: string): boolean {
  return !absent.has(group) && !absent.has(`${group}/${resource}`);
}

export function isServedSubresource(resource: string, subresource: string): boolean {
  return servedSubresources.has(subresource) || servedSubresources.has(`${resource}/${subresource}`);
}

export function storagePrefix(group: string, resource: string): string {
  return `/registry/${storageFolders[`${group}/${resource}`] ?? resource}`;
}
