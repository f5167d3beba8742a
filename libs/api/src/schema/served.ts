// What this server offers, in one table: resources.json lists what Kubernetes 1.36 has; here is which of it is served and
// where it is stored. What is absent from discovery is absent from the server: its paths answer 404.

/**
 * Not served yet, by `group/resource` or by group alone. Reviews and admission need their own handlers; registering
 * webhooks, policies or flow schemas that nobody enforces would be a pretence.
 */
const absent: ReadonlySet<string> = new Set([
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "flowcontrol.apiserver.k8s.io",
]);

/** Versions that would need a conversion that is not written: `group/version/resource`. */
const absentVersions: ReadonlySet<string> = new Set(["autoscaling/v1/horizontalpodautoscalers"]);

const servedSubresources: ReadonlySet<string> = new Set([
  "status",
  "scale",
  "finalize",
  "pods/binding",
  "pods/ephemeralcontainers",
  "pods/eviction",
  "pods/log",
  "pods/exec",
  "pods/attach",
  "pods/portforward",
  "proxy",
  "pods/resize",
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

export function isServed(group: string, version: string, resource: string): boolean {
  return (
    !absent.has(group) && !absent.has(`${group}/${resource}`) && !absentVersions.has(`${group}/${version}/${resource}`)
  );
}

export function isServedSubresource(resource: string, subresource: string): boolean {
  return servedSubresources.has(subresource) || servedSubresources.has(`${resource}/${subresource}`);
}

export function storagePrefix(group: string, resource: string): string {
  return `/registry/${storageFolders[`${group}/${resource}`] ?? resource}`;
}
