// Which strategy a resource has. Kinds with a file of their own come first; the others are plain.
import type { ResourceInfo } from "../schema/resource-info.ts";
import { namespaces, nodes } from "./cluster.ts";
import { configMaps, secrets, serviceAccounts } from "./config.ts";
import { cronJobs } from "./cron-jobs.ts";
import { endpoints, endpointSlices, ipAddresses, serviceCidrs } from "./endpoints.ts";
import { defineStrategy } from "./generic.ts";
import { jobs } from "./jobs.ts";
import { limitRanges, resourceQuotas } from "./limits.ts";
import { plainKinds } from "./plain.ts";
import { pods } from "./pods.ts";
import { coreEvents, events, leases } from "./records.ts";
import { replicationControllers } from "./replication-controllers.ts";
import { services } from "./services.ts";
import type { KindStrategy } from "./strategy.ts";
import { persistentVolumeClaims, persistentVolumes } from "./volumes.ts";
import { daemonSets, deployments, replicaSets, statefulSets } from "./workloads.ts";

/** What the choice of a strategy needs; `ResourceInfo` has it. */
export type StrategyKey = Pick<ResourceInfo, "group" | "resource" | "namespaced"> & {
  readonly subresources?: readonly { readonly name: string }[];
};

const ownStrategies: Readonly<Record<string, KindStrategy>> = {
  "/namespaces": namespaces,
  "/nodes": nodes,
  "/pods": pods,
  "/services": services,
  "/endpoints": endpoints,
  "/configmaps": configMaps,
  "/secrets": secrets,
  "/serviceaccounts": serviceAccounts,
  "/events": coreEvents,
  "/limitranges": limitRanges,
  "/persistentvolumeclaims": persistentVolumeClaims,
  "/persistentvolumes": persistentVolumes,
  "/replicationcontrollers": replicationControllers,
  "/resourcequotas": resourceQuotas,
  "events.k8s.io/events": events,
  "apps/deployments": deployments,
  "apps/replicasets": replicaSets,
  "apps/daemonsets": daemonSets,
  "apps/statefulsets": statefulSets,
  "batch/jobs": jobs,
  "batch/cronjobs": cronJobs,
  "coordination.k8s.io/leases": leases,
  "discovery.k8s.io/endpointslices": endpointSlices,
  "networking.k8s.io/ipaddresses": ipAddresses,
  "networking.k8s.io/servicecidrs": serviceCidrs,
};

const made = new Map<string, KindStrategy>();

/** The strategy of a resource. Bound: one small value per served resource is kept. */
export function strategyFor(resource: StrategyKey): KindStrategy {
  const key = `${resource.group}/${resource.resource}`;
  const known = ownStrategies[key] ?? made.get(key);
  if (known !== undefined) return known;
  const hasStatus = resource.subresources?.some(({ name }) => name === "status") === true;
  const strategy = defineStrategy({
    ...(hasStatus ? { initialStatus: {} } : {}),
    ...plainKinds[key],
    namespaced: resource.namespaced,
  });
  made.set(key, strategy);
  return strategy;
}
