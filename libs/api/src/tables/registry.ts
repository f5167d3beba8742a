// Which table a resource has.
import type { ResourceName } from "../meta/status.ts";
import {
  configMapTable,
  eventTable,
  leaseTable,
  namespaceTable,
  nodeTable,
  secretTable,
  serviceAccountTable,
} from "./cluster.ts";
import {
  endpointSliceTable,
  endpointsTable,
  ingressTable,
  ipAddressTable,
  networkPolicyTable,
  serviceCidrTable,
  serviceTable,
} from "./network.ts";
import {
  csiNodeTable,
  disruptionBudgetTable,
  ingressClassTable,
  persistentVolumeClaimTable,
  persistentVolumeTable,
  plainTable,
  priorityClassTable,
  roleBindingTable,
  runtimeClassTable,
  storageClassTable,
} from "./others.ts";
import { podTable } from "./pods.ts";
import type { KindTable } from "./table.ts";
import {
  controllerRevisionTable,
  podTemplateTable,
  replicationControllerTable,
  resourceQuotaTable,
} from "./templates.ts";
import {
  cronJobTable,
  daemonSetTable,
  deploymentTable,
  jobTable,
  replicaSetTable,
  statefulSetTable,
} from "./workloads.ts";

const tables: Readonly<Record<string, KindTable>> = {
  "/configmaps": configMapTable,
  "/endpoints": endpointsTable,
  "/events": eventTable,
  "/namespaces": namespaceTable,
  "/nodes": nodeTable,
  "/persistentvolumeclaims": persistentVolumeClaimTable,
  "/persistentvolumes": persistentVolumeTable,
  "/pods": podTable,
  "/podtemplates": podTemplateTable,
  "/replicationcontrollers": replicationControllerTable,
  "/resourcequotas": resourceQuotaTable,
  "/secrets": secretTable,
  "/serviceaccounts": serviceAccountTable,
  "/services": serviceTable,
  "apps/controllerrevisions": controllerRevisionTable,
  "apps/daemonsets": daemonSetTable,
  "apps/deployments": deploymentTable,
  "apps/replicasets": replicaSetTable,
  "apps/statefulsets": statefulSetTable,
  "batch/cronjobs": cronJobTable,
  "batch/jobs": jobTable,
  "coordination.k8s.io/leases": leaseTable,
  "discovery.k8s.io/endpointslices": endpointSliceTable,
  "events.k8s.io/events": eventTable,
  "networking.k8s.io/ingressclasses": ingressClassTable,
  "networking.k8s.io/ingresses": ingressTable,
  "networking.k8s.io/ipaddresses": ipAddressTable,
  "networking.k8s.io/networkpolicies": networkPolicyTable,
  "networking.k8s.io/servicecidrs": serviceCidrTable,
  "node.k8s.io/runtimeclasses": runtimeClassTable,
  "policy/poddisruptionbudgets": disruptionBudgetTable,
  "rbac.authorization.k8s.io/clusterrolebindings": roleBindingTable,
  "rbac.authorization.k8s.io/rolebindings": roleBindingTable,
  "scheduling.k8s.io/priorityclasses": priorityClassTable,
  "storage.k8s.io/csinodes": csiNodeTable,
  "storage.k8s.io/storageclasses": storageClassTable,
};

/** The kind's own table, or the plain one with name and time of creation. */
export function tableFor({ group, resource }: ResourceName): KindTable {
  return tables[`${group}/${resource}`] ?? plainTable;
}
