// One object of each served kind that no recording shows.
import type { JsonObject } from "@triarch/api";

const metadata = { name: "rare" };
const selectors = { namespaceSelector: {}, objectSelector: { matchLabels: { a: "b" } } };
const rule = {
  operations: ["CREATE"],
  apiGroups: ["apps"],
  apiVersions: ["v1"],
  resources: ["deployments"],
  scope: "*",
};
const devices = {
  requests: [{ name: "r", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 2 } }],
};
const resourceAttributes = { namespace: "default", verb: "get", resource: "pods" };

export const rareKinds: readonly JsonObject[] = [
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicy",
    metadata,
    spec: {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      matchConstraints: { ...selectors, resourceRules: [rule], matchPolicy: "Equivalent" },
      variables: [{ name: "v", expression: "1" }],
      mutations: [
        { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{}" } },
        { patchType: "JSONPatch", jsonPatch: { expression: "[]" } },
      ],
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
    },
  },
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicyBinding",
    metadata,
    spec: { policyName: "p", paramRef: { selector: { matchLabels: { a: "b" } }, parameterNotFoundAction: "Deny" } },
  },
  {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata,
    webhooks: [
      {
        name: "a.example.com",
        clientConfig: { service: { namespace: "n", name: "s", path: "/p", port: 443 }, caBundle: "AAEC" },
        rules: [rule],
        failurePolicy: "Ignore",
        matchPolicy: "Exact",
        ...selectors,
        sideEffects: "None",
        timeoutSeconds: 5,
        admissionReviewVersions: ["v1"],
        matchConditions: [{ name: "m", expression: "true" }],
      },
    ],
  },
  {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    metadata,
    spec: { token: "t", audiences: ["a"] },
    status: { authenticated: true, user: { username: "u", groups: ["g"], extra: { k: ["v"] } } },
  },
  {
    apiVersion: "authentication.k8s.io/v1",
    kind: "SelfSubjectReview",
    metadata,
    status: { userInfo: { username: "u", uid: "1" } },
  },
  ...["SubjectAccessReview", "LocalSubjectAccessReview"].map((kind) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind,
    metadata,
    spec: { resourceAttributes, user: "u", groups: ["g"] },
    status: { allowed: true, reason: "because" },
  })),
  {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    metadata,
    spec: { nonResourceAttributes: { path: "/x", verb: "get" } },
    status: { allowed: false, denied: true },
  },
  {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectRulesReview",
    metadata,
    spec: { namespace: "default" },
    status: {
      resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      incomplete: false,
    },
  },
  { apiVersion: "v1", kind: "Binding", metadata, target: { kind: "Node", name: "n" } },
  {
    apiVersion: "v1",
    kind: "ComponentStatus",
    metadata,
    conditions: [{ type: "Healthy", status: "True", message: "ok" }],
  },
  {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaimTemplate",
    metadata,
    spec: { metadata: { labels: { a: "b" } }, spec: { devices } },
  },
  {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata,
    spec: {
      driver: "gpu.example.com",
      pool: { name: "p", generation: 1, resourceSliceCount: 1 },
      nodeName: "n",
      devices: [{ name: "d0", attributes: { model: { string: "x" } }, capacity: { memory: { value: "1Gi" } } }],
    },
  },
];
