// Which table a resource has.
import type { ResourceName } from "../meta/status.ts";
import { horizontalPodAutoscalerTable } from "./autoscalers.ts";
import {
  apiServiceTable,
  certificateSigningRequestTable,
  flowSchemaTable,
  mutatingPolicyTable,
  policyBindingTable,
  priorityLevelTable,
  validatingPolicyTable,
  webhookConfigurationTable,
} from "./cluster-apis.ts";
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
  csiDriverTable,
  namedTable,
  resourceClaimTable,
  resourceSliceTable,
  volumeAttachmentTable,
  volumeAttributesClassTable,
} from "./drivers-and-devices.ts";
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
import { scaleTable } from "./scale.ts";
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
  "admissionregistration.k8s.io/mutatingadmissionpolicies": mutatingPolicyTable,
  "admissionregistration.k8s.io/mutatingadmissionpolicybindings": policyBindingTable,
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": webhookConfigurationTable,
  "admissionregistration.k8s.io/validatingadmissionpolicies": validatingPolicyTable,
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": policyBindingTable,
  "admissionregistration.k8s.io/validatingwebhookconfigurations": webhookConfigurationTable,
  "apiregistration.k8s.io/apiservices": apiServiceTable,
  "apps/daemonsets": daemonSetTable,
  "apps/deployments": deploymentTable,
  "apps/replicasets": replicaSetTable,
  "apps/statefulsets": statefulSetTable,
  "autoscaling/horizontalpodautoscalers": horizontalPodAutoscalerTable,
  "autoscaling/scales": scaleTable,
  "batch/cronjobs": cronJobTable,
  "batch/jobs": jobTable,
  "certificates.k8s.io/certificatesigningrequests": certificateSigningRequestTable,
  "coordination.k8s.io/leases": leaseTable,
  "discovery.k8s.io/endpointslices": endpointSliceTable,
  "events.k8s.io/events": eventTable,
  "flowcontrol.apiserver.k8s.io/flowschemas": flowSchemaTable,
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": priorityLevelTable,
  "networking.k8s.io/ingressclasses": ingressClassTable,
  "networking.k8s.io/ingresses": ingressTable,
  "networking.k8s.io/ipaddresses": ipAddressTable,
  "networking.k8s.io/networkpolicies": networkPolicyTable,
  "networking.k8s.io/servicecidrs": serviceCidrTable,
  "node.k8s.io/runtimeclasses": runtimeClassTable,
  "policy/poddisruptionbudgets": disruptionBudgetTable,
  "rbac.authorization.k8s.io/clusterrolebindings": roleBindingTable,
  "rbac.authorization.k8s.io/rolebindings": roleBindingTable,
  "resource.k8s.io/deviceclasses": namedTable,
  "resource.k8s.io/resourceclaims": resourceClaimTable,
  "resource.k8s.io/resourceclaimtemplates": namedTable,
  "resource.k8s.io/resourceslices": resourceSliceTable,
  "scheduling.k8s.io/priorityclasses": priorityClassTable,
  "storage.k8s.io/csidrivers": csiDriverTable,
  "storage.k8s.io/csinodes": csiNodeTable,
  "storage.k8s.io/storageclasses": storageClassTable,
  "storage.k8s.io/volumeattachments": volumeAttachmentTable,
  "storage.k8s.io/volumeattributesclasses": volumeAttributesClassTable,
};

/** The kind's own table, or the plain one with name and time of creation. */
export function tableFor({ group, resource }: ResourceName): KindTable {
  return tables[`${group}/${resource}`] ?? plainTable;
}
