// Kinds that the API server only stores: every verb, status where there is one, watches.
import { supportsApiOperations, type Kind } from "./api-operations.ts";
import { conformance, type TestCase } from "./conformance.ts";

const now = "2026-01-02T03:04:05Z";
const condition = { type: "Seen", status: "True", reason: "Test", message: "set by a test", lastTransitionTime: now };
/** One condition, then another one beside it. */
const conditions: NonNullable<Kind["status"]> = [
  { conditions: [condition] },
  { conditions: [condition, { ...condition, type: "SeenAgain" }] },
];
const container = { name: "c", image: "i" };
const template = { metadata: { labels: { app: "a" } }, spec: { containers: [container] } };
const jobTemplate = { spec: { template: { spec: { restartPolicy: "Never", containers: [container] } } } };
const rule = { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] };

/** A test that does all of it, and nothing besides. */
const operations = (name: string, kind: Kind): TestCase => ({
  name,
  ...(kind.guarded === true ? { missing: "the controller that lets go of what is not in use" } : {}),
  steps: (t, api, namespace) => supportsApiOperations(t, api, namespace, kind),
});
const kindOf = (
  apiVersion: string,
  resource: string,
  kind: string,
  more: Omit<Kind, "group" | "version" | "resource" | "kind">,
): Kind => {
  const [group = "", version = ""] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return { group, version, resource, kind, ...more };
};

await conformance(import.meta.filename, {
  "API priority and fairness": [
    operations(
      "should support FlowSchema API operations",
      kindOf("flowcontrol.apiserver.k8s.io/v1", "flowschemas", "FlowSchema", {
        namespaced: false,
        make: () => ({
          spec: {
            matchingPrecedence: 10_000,
            priorityLevelConfiguration: { name: "global-default" },
            distinguisherMethod: { type: "ByUser" },
            rules: [
              {
                subjects: [{ kind: "User", user: { name: "example-e2e-non-existent-user" } }],
                nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
              },
            ],
          },
        }),
        changes: [{ spec: { matchingPrecedence: 9_999 } }, { spec: { matchingPrecedence: 9_000 } }],
        status: conditions,
      }),
    ),
    operations(
      "should support PriorityLevelConfiguration API operations",
      kindOf("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", "PriorityLevelConfiguration", {
        namespaced: false,
        make: () => ({
          spec: { type: "Limited", limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } } },
        }),
        changes: [
          { spec: { limited: { nominalConcurrencyShares: 4 } } },
          { spec: { limited: { nominalConcurrencyShares: 6 } } },
        ],
        status: conditions,
      }),
    ),
  ],
  MutatingAdmissionPolicy: [
    operations(
      "should support MutatingAdmissionPolicy API operations",
      kindOf("admissionregistration.k8s.io/v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", {
        namespaced: false,
        make: () => ({
          spec: {
            matchConstraints: { resourceRules: [rule] },
            reinvocationPolicy: "Never",
            failurePolicy: "Ignore",
            mutations: [
              {
                patchType: "ApplyConfiguration",
                applyConfiguration: { expression: "Object{spec: Object.spec{replicas: 2}}" },
              },
            ],
          },
        }),
        changes: [{ spec: { failurePolicy: "Fail" } }, { spec: { reinvocationPolicy: "IfNeeded" } }],
      }),
    ),
    operations(
      "should support MutatingAdmissionPolicyBinding API operations",
      kindOf("admissionregistration.k8s.io/v1", "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", {
        namespaced: false,
        make: () => ({ spec: { policyName: "replicalimit-policy.example.com" } }),
        changes: [
          { spec: { policyName: "patched-policy.example.com" } },
          { spec: { policyName: "updated-policy.example.com" } },
        ],
      }),
    ),
  ],
  ValidatingAdmissionPolicy: [
    operations(
      "should support ValidatingAdmissionPolicy API operations",
      kindOf("admissionregistration.k8s.io/v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", {
        namespaced: false,
        make: () => ({
          spec: {
            matchConstraints: { resourceRules: [rule] },
            failurePolicy: "Ignore",
            validations: [{ expression: "object.spec.replicas <= 100" }],
          },
        }),
        changes: [
          { spec: { failurePolicy: "Fail" } },
          { spec: { validations: [{ expression: "object.spec.replicas <= 90" }] } },
        ],
        status: conditions,
      }),
    ),
    operations(
      "should support ValidatingAdmissionPolicyBinding API operations",
      kindOf(
        "admissionregistration.k8s.io/v1",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        {
          namespaced: false,
          make: () => ({ spec: { policyName: "replicalimit-policy.example.com", validationActions: ["Deny"] } }),
          changes: [{ spec: { validationActions: ["Warn"] } }, { spec: { validationActions: ["Audit"] } }],
        },
      ),
    ),
  ],
  CronJob: [
    operations(
      "should support CronJob API operations",
      kindOf("batch/v1", "cronjobs", "CronJob", {
        namespaced: true,
        make: () => ({ spec: { schedule: "*/1 * * * ?", concurrencyPolicy: "Allow", jobTemplate } }),
        status: [{ lastScheduleTime: now }, { lastScheduleTime: "2026-01-02T03:05:05Z" }],
      }),
    ),
  ],
  EndpointSlice: [
    operations(
      "should support creating EndpointSlice API operations",
      kindOf("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", {
        namespaced: true,
        make: () => ({ addressType: "IPv4", endpoints: [{ addresses: ["1.2.3.4", "5.6.7.8"] }] }),
        changes: [{}, { endpoints: [{ addresses: ["1.2.3.5"], conditions: { ready: true } }] }],
      }),
    ),
  ],
  "Ingress API": [
    operations(
      "should support creating Ingress API operations",
      kindOf("networking.k8s.io/v1", "ingresses", "Ingress", {
        namespaced: true,
        make: () => ({ spec: { defaultBackend: { service: { name: "default-backend", port: { number: 80 } } } } }),
        changes: [{}, { spec: { defaultBackend: { service: { name: "other-backend" } } } }],
        status: [
          { loadBalancer: { ingress: [{ ip: "169.1.1.1" }] } },
          { loadBalancer: { ingress: [{ ip: "169.1.1.2" }] } },
        ],
      }),
    ),
  ],
  "IngressClass API": [
    operations(
      "should support creating IngressClass API operations",
      kindOf("networking.k8s.io/v1", "ingressclasses", "IngressClass", {
        namespaced: false,
        make: () => ({ spec: { controller: "example.com/controller" } }),
      }),
    ),
  ],
  "ServiceCIDR and IPAddress API": [
    operations(
      "should support IPAddress API operations",
      kindOf("networking.k8s.io/v1", "ipaddresses", "IPAddress", {
        namespaced: false,
        names: ["192.168.1.1", "192.168.1.2", "192.168.1.3"],
        make: () => ({ spec: { parentRef: { group: "", resource: "services", namespace: "foo", name: "bar" } } }),
      }),
    ),
    operations(
      "should support ServiceCIDR API operations",
      kindOf("networking.k8s.io/v1", "servicecidrs", "ServiceCIDR", {
        namespaced: false,
        make: (name) => ({ spec: { cidrs: [`10.1${name.at(-1)}.0.0/24`] } }),
        status: conditions,
      }),
    ),
  ],
  RuntimeClass: [
    operations(
      "should support RuntimeClasses API operations",
      kindOf("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", {
        namespaced: false,
        make: () => ({ handler: "none" }),
      }),
    ),
  ],
  CSIInlineVolumes: [
    operations(
      "should run through the lifecycle of a CSIDriver",
      kindOf("storage.k8s.io/v1", "csidrivers", "CSIDriver", {
        namespaced: false,
        make: () => ({ spec: { attachRequired: false, volumeLifecycleModes: ["Ephemeral"] } }),
      }),
    ),
  ],
  CSIStorageCapacity: [
    operations(
      "should support CSIStorageCapacities API operations",
      kindOf("storage.k8s.io/v1", "csistoragecapacities", "CSIStorageCapacity", {
        namespaced: true,
        make: () => ({ storageClassName: "fast", capacity: "100Gi", nodeTopology: { matchLabels: { zone: "a" } } }),
      }),
    ),
  ],
  CSINodes: [
    operations(
      "CSI Conformance should run through the lifecycle of a csinode",
      kindOf("storage.k8s.io/v1", "csinodes", "CSINode", {
        namespaced: false,
        make: () => ({ spec: { drivers: [] } }),
      }),
    ),
  ],
  StorageClasses: [
    operations(
      "CSI Conformance should run through the lifecycle of a StorageClass",
      kindOf("storage.k8s.io/v1", "storageclasses", "StorageClass", {
        namespaced: false,
        make: () => ({ provisioner: "example.com/provisioner", volumeBindingMode: "WaitForFirstConsumer" }),
      }),
    ),
  ],
  VolumeAttachment: [
    operations(
      "Conformance should run through the lifecycle of a VolumeAttachment",
      kindOf("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", {
        namespaced: false,
        make: () => ({ spec: { attacher: "example.com", nodeName: "n", source: { persistentVolumeName: "pv" } } }),
      }),
    ),
    operations(
      "Conformance should apply changes to a volumeattachment status",
      kindOf("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", {
        namespaced: false,
        make: () => ({ spec: { attacher: "example.com", nodeName: "n", source: { persistentVolumeName: "pv" } } }),
        status: [{ attached: true, attachmentMetadata: { a: "b" } }, { attached: false }],
      }),
    ),
  ],
  VolumeAttributesClass: [
    operations(
      "should run through the lifecycle of a VolumeAttributesClass",
      kindOf("storage.k8s.io/v1", "volumeattributesclasses", "VolumeAttributesClass", {
        namespaced: false,
        make: () => ({ driverName: "example.com", parameters: { iops: "100" } }),
        guarded: true,
      }),
    ),
  ],
  PodTemplates: [
    operations(
      "should run the lifecycle of PodTemplates",
      kindOf("v1", "podtemplates", "PodTemplate", { namespaced: true, make: () => ({ template }) }),
    ),
    operations(
      "should delete a collection of pod templates",
      kindOf("v1", "podtemplates", "PodTemplate", { namespaced: true, make: () => ({ template }) }),
    ),
  ],
});
