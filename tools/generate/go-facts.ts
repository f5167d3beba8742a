// How Go declares fields, where the fact tables are silent: pointers to types of another package, and fields that are
// written although zero (no `omitempty`) or left out although required.

/** `definition field` without `io.k8s.`: Go holds a pointer. */
export const pointersToOtherPackages: ReadonlySet<string> = new Set([
  "api.admissionregistration.v1.ParamRef selector",
  "api.apps.v1.RollingUpdateDaemonSet maxSurge",
  "api.apps.v1.RollingUpdateDaemonSet maxUnavailable",
  "api.apps.v1.RollingUpdateDeployment maxSurge",
  "api.apps.v1.RollingUpdateDeployment maxUnavailable",
  "api.apps.v1.RollingUpdateStatefulSetStrategy maxUnavailable",
  "api.autoscaling.v1.HorizontalPodAutoscalerStatus lastScaleTime",
  "api.autoscaling.v2.HPAScalingRules tolerance",
  "api.autoscaling.v2.HorizontalPodAutoscalerStatus lastScaleTime",
  "api.autoscaling.v2.MetricTarget averageValue",
  "api.autoscaling.v2.MetricTarget value",
  "api.autoscaling.v2.MetricValueStatus averageValue",
  "api.autoscaling.v2.MetricValueStatus value",
  "api.batch.v1.CronJobStatus lastScheduleTime",
  "api.batch.v1.CronJobStatus lastSuccessfulTime",
  "api.batch.v1.JobStatus completionTime",
  "api.batch.v1.JobStatus startTime",
  "api.coordination.v1.LeaseSpec acquireTime",
  "api.coordination.v1.LeaseSpec renewTime",
  "api.core.v1.EmptyDirVolumeSource sizeLimit",
  "api.core.v1.PersistentVolumeStatus lastPhaseTransitionTime",
  "api.core.v1.PodStatus startTime",
  "api.core.v1.Taint timeAdded",
  "api.discovery.v1.EndpointPort protocol",
  "api.networking.v1.IngressBackend resource",
  "api.networking.v1.NetworkPolicyPeer namespaceSelector",
  "api.networking.v1.NetworkPolicyPeer podSelector",
  "api.networking.v1.NetworkPolicyPort port",
  "api.networking.v1.NetworkPolicyPort protocol",
  "api.policy.v1.PodDisruptionBudgetSpec maxUnavailable",
  "api.policy.v1.PodDisruptionBudgetSpec minAvailable",
  "api.policy.v1.PodDisruptionBudgetSpec selector",
  "api.resource.v1.AllocatedDeviceStatus data",
  "api.resource.v1.AllocationResult allocationTimestamp",
  "api.resource.v1.CapacityRequestPolicy default",
  "api.resource.v1.CapacityRequestPolicyRange max",
  "api.resource.v1.CapacityRequestPolicyRange min",
  "api.resource.v1.CapacityRequestPolicyRange step",
  "api.resource.v1.DeviceTaint timeAdded",
  "api.resource.v1.NodeAllocatableResourceMapping allocationMultiplier",
  "api.resource.v1.NodeAllocatableResourceMapping capacityKey",
  "api.resource.v1.DeviceRequestAllocationResult shareID",
  "api.admissionregistration.v1.Validation reason",
  "api.scheduling.v1.PriorityClass preemptionPolicy",
  "api.storage.v1.CSIStorageCapacity capacity",
  "api.storage.v1.CSIStorageCapacity maximumVolumeSize",
  "api.storage.v1.StorageClass reclaimPolicy",
  "api.storage.v1.VolumeAttachmentSource inlineVolumeSpec",
  "apimachinery.pkg.apis.meta.v1.Preconditions uid",
  "kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec service",
  "kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference port",
]);

/** Left out when zero, although the tables show a zero default or say "required". */
export const omittedWhenZero: ReadonlySet<string> = new Set([
  "api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec validationActions",
  "api.authentication.v1.TokenReviewSpec token",
  "api.core.v1.ConfigMapEnvSource name",
  "api.core.v1.ConfigMapKeySelector name",
  "api.core.v1.ConfigMapProjection name",
  "api.core.v1.ConfigMapVolumeSource name",
  "api.core.v1.LocalObjectReference name",
  "api.core.v1.ReplicationControllerSpec minReadySeconds",
  "api.core.v1.SecretEnvSource name",
  "api.core.v1.SecretKeySelector name",
  "api.core.v1.SecretProjection name",
]);

/** Optional, yet written when empty. */
export const writtenWhenZero: ReadonlySet<string> = new Set([
  "api.authentication.v1.TokenRequestSpec audiences",
  "api.autoscaling.v2.HorizontalPodAutoscalerStatus currentMetrics",
  "api.core.v1.ContainerImage names",
  "api.core.v1.ProjectedVolumeSource sources",
  "api.discovery.v1.EndpointSlice endpoints",
  "api.discovery.v1.EndpointSlice ports",
  "api.flowcontrol.v1.ResourcePolicyRule namespaces",
  "api.resource.v1.AllocatedDeviceStatus conditions",
  "api.resource.v1.DeviceClaim requests",
  "api.rbac.v1.ClusterRole rules",
  "api.rbac.v1.Role rules",
  "api.storage.v1.CSINodeDriver topologyKeys",
  "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus conditions",
  "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus storedVersions",
]);

/** Optional and behind a pointer, yet written as `null` when not set. */
export const nullWhenMissing: ReadonlySet<string> = new Set([
  "api.authentication.v1.TokenRequestSpec boundObjectRef",
  "api.core.v1.AzureFilePersistentVolumeSource secretNamespace",
  "api.core.v1.TypedLocalObjectReference apiGroup",
  "api.core.v1.TypedObjectReference apiGroup",
]);

/** Structs that are left out when zero (`omitzero`), and required pointers that are left out when not set. */
export const structsOmittedWhenZero: ReadonlySet<string> = new Set([
  "api.resource.v1.CapacityRequestPolicyRange min",
  "api.networking.v1.IPAddressSpec parentRef",
  "apimachinery.pkg.apis.meta.v1.ObjectMeta creationTimestamp",
]);
