// One sentence for each kind whose fields are not described yet.
import type { DescriptionTable, TypeTexts } from "./description-table.ts";

const kind = (text: string): TypeTexts => ({ "": text });

export const otherKinds: DescriptionTable = {
  prefix: "io.k8s.",
  types: {
    "api.core.v1.Binding": kind("Says on which node a pod shall run; written once, by a scheduler."),
    "api.core.v1.ComponentStatus": kind("Health of a part of the control plane; outdated, ask its /readyz instead."),
    "api.core.v1.Endpoints": kind("Addresses behind a Service in one object; outdated by EndpointSlice."),
    "api.core.v1.Event": kind("Something that happened to an object, told by whoever noticed; kept for a while."),
    "api.core.v1.LimitRange": kind(
      "Bounds and defaults for what each pod, container or claim of a namespace may ask for.",
    ),
    "api.core.v1.PersistentVolume": kind(
      "A piece of storage in the cluster, with a life of its own beside the pods that use it.",
    ),
    "api.core.v1.PodTemplate": kind("What pods look like, stored for whoever makes pods from it."),
    "api.core.v1.ReplicationController": kind("Keeps a number of equal pods running; the forerunner of ReplicaSet."),
    "api.core.v1.ResourceQuota": kind("How much of everything all objects of a namespace may use together."),
    "api.core.v1.ServiceAccount": kind("Who the programs in a pod are when they call the API."),
    "api.apps.v1.ControllerRevision": kind("A former state of a StatefulSet's or DaemonSet's template, to go back to."),
    "api.apps.v1.ReplicaSet": kind("Keeps a number of equal pods running; mostly made by a Deployment."),
    "api.batch.v1.CronJob": kind("Makes Jobs on a schedule."),
    "api.autoscaling.v1.HorizontalPodAutoscaler": kind(
      "Sets the number of a workload's pods by their use of processors.",
    ),
    "api.autoscaling.v2.HorizontalPodAutoscaler": kind(
      "Sets the number of a workload's pods by what is measured of them.",
    ),
    "api.authentication.v1.TokenReview": kind("Asks whose token this is; answered at once, not stored."),
    "api.authentication.v1.SelfSubjectReview": kind("Asks who the caller is; answered at once, not stored."),
    "api.authorization.v1.SubjectAccessReview": kind(
      "Asks whether somebody may do something; answered at once, not stored.",
    ),
    "api.authorization.v1.LocalSubjectAccessReview": kind(
      "Asks whether somebody may do something in this namespace; not stored.",
    ),
    "api.authorization.v1.SelfSubjectAccessReview": kind(
      "Asks whether the caller may do something; answered at once, not stored.",
    ),
    "api.authorization.v1.SelfSubjectRulesReview": kind(
      "Asks for all that the caller may do in a namespace; not stored.",
    ),
    "api.certificates.v1.CertificateSigningRequest": kind(
      "Asks a signer for a certificate, which comes once the request is approved.",
    ),
    "api.coordination.v1.Lease": kind("Who holds something until when: leadership, or a node's sign of life."),
    "api.discovery.v1.EndpointSlice": kind("Some of the addresses behind a Service, with their ports and conditions."),
    "api.events.v1.Event": kind("Something that happened to an object, told by whoever noticed; kept for a while."),
    "api.flowcontrol.v1.FlowSchema": kind("Chooses requests to the API and gives them a priority level."),
    "api.flowcontrol.v1.PriorityLevelConfiguration": kind(
      "How many requests of a level run at a time, and how the others wait.",
    ),
    "api.networking.v1.IngressClass": kind("Names the controller that serves the Ingresses of this class."),
    "api.networking.v1.IPAddress": kind("One address of the Services' network that is taken, and by whom."),
    "api.networking.v1.NetworkPolicy": kind(
      "Which connections chosen pods may take and open; without any policy all are allowed.",
    ),
    "api.networking.v1.ServiceCIDR": kind("A network that Services get their addresses from."),
    "api.node.v1.RuntimeClass": kind("A way to run containers, with what it costs and which nodes have it."),
    "api.policy.v1.PodDisruptionBudget": kind("How many of some pods must stay up when others are evicted on purpose."),
    "api.rbac.v1.Role": kind("What may be done with which resources of one namespace."),
    "api.rbac.v1.RoleBinding": kind("Gives users, groups or accounts a role in one namespace."),
    "api.rbac.v1.ClusterRole": kind("What may be done with which resources, in all namespaces or in none."),
    "api.rbac.v1.ClusterRoleBinding": kind("Gives users, groups or accounts a role in the whole cluster."),
    "api.resource.v1.DeviceClass": kind("A sort of devices that claims can ask for, and how such devices are set up."),
    "api.resource.v1.ResourceClaim": kind("Asks for devices, and says which ones were given."),
    "api.resource.v1.ResourceClaimTemplate": kind("What the claim looks like that each pod gets for itself."),
    "api.resource.v1.ResourceSlice": kind("Devices that a driver offers, mostly those of one node."),
    "api.scheduling.v1.PriorityClass": kind(
      "A name for a priority: who is scheduled first, and may take the place of others.",
    ),
    "api.storage.v1.CSIDriver": kind("A storage driver, and what the cluster must do for it."),
    "api.storage.v1.CSINode": kind("Which storage drivers a node has, and what they call it."),
    "api.storage.v1.CSIStorageCapacity": kind("How much storage of a class there is in a part of the cluster."),
    "api.storage.v1.StorageClass": kind("A sort of storage, and how volumes of it are made on demand."),
    "api.storage.v1.VolumeAttachment": kind("Asks for a volume to be attached to a node, and says whether it is."),
    "api.storage.v1.VolumeAttributesClass": kind("Properties of volumes that can be changed while they are in use."),
    "api.admissionregistration.v1.MutatingAdmissionPolicy": kind(
      "Expressions that change objects before they are stored.",
    ),
    "api.admissionregistration.v1.MutatingAdmissionPolicyBinding": kind(
      "Where a mutating policy holds, and with which parameters.",
    ),
    "api.admissionregistration.v1.MutatingWebhookConfiguration": kind(
      "Servers that are asked to change objects before they are stored.",
    ),
    "api.admissionregistration.v1.ValidatingAdmissionPolicy": kind(
      "Expressions that objects must fulfil to be stored.",
    ),
    "api.admissionregistration.v1.ValidatingAdmissionPolicyBinding": kind(
      "Where a validating policy holds, with which parameters and consequences.",
    ),
    "api.admissionregistration.v1.ValidatingWebhookConfiguration": kind(
      "Servers that are asked whether objects may be stored.",
    ),
    "kube-aggregator.pkg.apis.apiregistration.v1.APIService": kind(
      "A group version of the API, and which server answers for it.",
    ),
  },
};
