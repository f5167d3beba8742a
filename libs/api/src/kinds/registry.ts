// Which strategy a resource has. Kinds with a file of their own come first; the others are plain.
import type { ResourceInfo } from "../schema/resource-info.ts";
import {
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "./admission-policies.ts";
import { apiServices } from "./api-services.ts";
import { horizontalPodAutoscalers } from "./autoscalers.ts";
import { podDisruptionBudgets, priorityClasses, runtimeClasses } from "./budgets-and-classes.ts";
import { certificateSigningRequests } from "./certificates.ts";
import { configMaps, secrets, serviceAccounts } from "./config.ts";
import { cronJobs } from "./cron-jobs.ts";
import { daemonSets } from "./daemon-sets.ts";
import { csiDrivers, csiNodes, csiStorageCapacities, volumeAttachments } from "./csi.ts";
import { customResourceDefinitions } from "./custom-resource-definitions.ts";
import { deviceClasses, resourceClaims, resourceClaimTemplates } from "./devices.ts";
import { endpointSlices } from "./endpoint-slices.ts";
import { endpoints } from "./endpoints.ts";
import { coreEvents, events } from "./events.ts";
import { flowSchemas, priorityLevelConfigurations } from "./flow-control.ts";
import { defineStrategy } from "./generic.ts";
import { ingressClasses, ingresses } from "./ingresses.ts";
import { jobs } from "./jobs.ts";
import { leases } from "./leases.ts";
import { limitRanges, resourceQuotas } from "./limits.ts";
import { namespaces } from "./namespaces.ts";
import { networkPolicies } from "./network-policies.ts";
import { nodes } from "./nodes.ts";
import { plainKinds } from "./plain.ts";
import { pods } from "./pods.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "./rbac.ts";
import { replicationControllers } from "./replication-controllers.ts";
import { resourceSlices } from "./resource-slices.ts";
import { ipAddresses, serviceCidrs } from "./service-ranges.ts";
import { services } from "./services.ts";
import { storageClasses, volumeAttributesClasses } from "./storage-classes.ts";
import { statefulSets } from "./stateful-sets.ts";
import type { KindStrategy } from "./strategy.ts";
import { persistentVolumeClaims, persistentVolumes } from "./volumes.ts";
import { mutatingWebhookConfigurations, validatingWebhookConfigurations } from "./webhooks.ts";
import { deployments, replicaSets } from "./workloads.ts";

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
  "admissionregistration.k8s.io/mutatingadmissionpolicies": mutatingAdmissionPolicies,
  "admissionregistration.k8s.io/mutatingadmissionpolicybindings": mutatingAdmissionPolicyBindings,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": mutatingWebhookConfigurations,
  "admissionregistration.k8s.io/validatingadmissionpolicies": validatingAdmissionPolicies,
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": validatingAdmissionPolicyBindings,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": validatingWebhookConfigurations,
  "apiextensions.k8s.io/customresourcedefinitions": customResourceDefinitions,
  "apiregistration.k8s.io/apiservices": apiServices,
  "apps/deployments": deployments,
  "apps/replicasets": replicaSets,
  "apps/daemonsets": daemonSets,
  "apps/statefulsets": statefulSets,
  "autoscaling/horizontalpodautoscalers": horizontalPodAutoscalers,
  "batch/jobs": jobs,
  "batch/cronjobs": cronJobs,
  "coordination.k8s.io/leases": leases,
  "discovery.k8s.io/endpointslices": endpointSlices,
  "certificates.k8s.io/certificatesigningrequests": certificateSigningRequests,
  "flowcontrol.apiserver.k8s.io/flowschemas": flowSchemas,
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": priorityLevelConfigurations,
  "networking.k8s.io/ingressclasses": ingressClasses,
  "networking.k8s.io/ingresses": ingresses,
  "networking.k8s.io/ipaddresses": ipAddresses,
  "networking.k8s.io/networkpolicies": networkPolicies,
  "networking.k8s.io/servicecidrs": serviceCidrs,
  "node.k8s.io/runtimeclasses": runtimeClasses,
  "policy/poddisruptionbudgets": podDisruptionBudgets,
  "rbac.authorization.k8s.io/clusterrolebindings": clusterRoleBindings,
  "rbac.authorization.k8s.io/clusterroles": clusterRoles,
  "rbac.authorization.k8s.io/rolebindings": roleBindings,
  "rbac.authorization.k8s.io/roles": roles,
  "resource.k8s.io/deviceclasses": deviceClasses,
  "resource.k8s.io/resourceclaims": resourceClaims,
  "resource.k8s.io/resourceclaimtemplates": resourceClaimTemplates,
  "resource.k8s.io/resourceslices": resourceSlices,
  "scheduling.k8s.io/priorityclasses": priorityClasses,
  "storage.k8s.io/csidrivers": csiDrivers,
  "storage.k8s.io/csinodes": csiNodes,
  "storage.k8s.io/csistoragecapacities": csiStorageCapacities,
  "storage.k8s.io/storageclasses": storageClasses,
  "storage.k8s.io/volumeattachments": volumeAttachments,
  "storage.k8s.io/volumeattributesclasses": volumeAttributesClasses,
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
