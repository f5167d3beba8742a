// An APIService for each group version of this server's own: who reads them learns what is served, and in which order
// groups and versions are preferred.
import { type MutableObject, resources } from "@triarch/api";

/** How much a group is preferred where names of resources meet; a group that is missing here comes last. */
const groupPriorities: Readonly<Record<string, number>> = {
  "": 18_000,
  "admissionregistration.k8s.io": 16_700,
  "apiextensions.k8s.io": 16_700,
  apps: 17_800,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "coordination.k8s.io": 16_500,
  "discovery.k8s.io": 16_200,
  "events.k8s.io": 17_750,
  "flowcontrol.apiserver.k8s.io": 16_100,
  "networking.k8s.io": 17_200,
  "node.k8s.io": 16_300,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "resource.k8s.io": 16_200,
  "scheduling.k8s.io": 16_600,
  "storage.k8s.io": 16_800,
};
const versionPriorities: Readonly<Record<string, number>> = {
  "/v1": 1,
  "autoscaling/v2": 30,
  "flowcontrol.apiserver.k8s.io/v1": 21,
  "resource.k8s.io/v1": 21,
};
const leastGroupPriority = 1_000;
const usualVersionPriority = 15;

export function builtInApiServices(): readonly MutableObject[] {
  const groupVersions = new Map(resources.map(({ group, version }) => [`${group}/${version}`, { group, version }]));
  // The group of APIServices itself is not registered by one.
  const registered = [...groupVersions].filter(([, { group }]) => group !== "apiregistration.k8s.io");
  return registered.map(([key, { group, version }]) => ({
    metadata: {
      name: `${version}.${group}`,
      labels: { "kube-aggregator.kubernetes.io/automanaged": "onstart" },
    },
    spec: {
      ...(group === "" ? {} : { group }),
      version,
      groupPriorityMinimum: groupPriorities[group] ?? leastGroupPriority,
      versionPriority: versionPriorities[key] ?? usualVersionPriority,
    },
  }));
}
