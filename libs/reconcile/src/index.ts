export { planDeployment } from "./deployment.ts";
export type { DeploymentAction, DeploymentPlan, Now } from "./deployment.ts";
export {
  managedByLabel,
  managedByValue,
  managedSlices,
  planEndpointSlices,
  serviceNameLabel,
  targetPort,
} from "./endpoint-slices.ts";
export type { EndpointSlicePlan } from "./endpoint-slices.ts";
export { choosePodCidr } from "./node-ipam.ts";
export type { PodCidrChoice } from "./node-ipam.ts";
export { controllerOf, isActive, isBeingDeleted, isReady, stableJson, timeMs } from "./objects.ts";
export { planReplicaSet } from "./replica-set.ts";
export type { ReplicaSetPlan } from "./replica-set.ts";
export { planEndpoints } from "./endpoints.ts";
export type { EndpointsPlan } from "./endpoints.ts";
export { namespaceConditions, namespaceFinalizer, namespaceIsEmpty, planNamespace } from "./namespace-content.ts";
export type { NamespaceContent, NamespacePlan } from "./namespace-content.ts";
export { planRootCa, rootCaName } from "./root-ca.ts";
export type { RootCaPlan } from "./root-ca.ts";
export { planGarbage } from "./garbage.ts";
export type { GarbagePlan, OwnerState } from "./garbage.ts";
export { deletionPhase, OwnerGraph } from "./owner-graph.ts";
export type { DeletionPhase, GraphNode } from "./owner-graph.ts";
export {
  isDisrupted,
  nodeReadiness,
  notReadyConditions,
  planNodeHealth,
  planNodeTaints,
  taintKeys,
} from "./node-health.ts";
export type { NodeHealthPlan } from "./node-health.ts";
export { hasEnded, planPodGarbage, terminatedPodsMax } from "./pod-garbage.ts";
export type { PodGarbagePlan } from "./pod-garbage.ts";
export { disruptionConditions, noExecuteTaints, planTaintEviction } from "./taint-eviction.ts";
export type { TaintEvictionPlan } from "./taint-eviction.ts";
export { mirroredSlices, mirrorManagedBy, planMirroredSlices } from "./endpoint-slice-mirror.ts";
