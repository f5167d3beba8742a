// What this server offers of what Kubernetes 1.36 has (resources.json): all stable kinds, the subresources named here, and
// where they are stored. What is absent from discovery is absent from the server: its paths answer 404.

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

export function isServedSubresource(resource: string, subresource: string): boolean {
  return servedSubresources.has(subresource) || servedSubresources.has(`${resource}/${subresource}`);
}

export function storagePrefix(group: string, resource: string): string {
  return `/registry/${storageFolders[`${group}/${resource}`] ?? resource}`;
}
