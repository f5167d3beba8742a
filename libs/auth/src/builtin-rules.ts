// What the cluster's own components may do, per identity. Kubernetes keeps such rules as stored ClusterRoles; here they
// are part of the program, so that a master can serve its components before anything is stored.
import type { PolicyRule } from "./policy-rule.ts";
import { authenticatedGroup, serviceAccountsGroup, unauthenticatedGroup } from "./user.ts";

const read = ["get", "list", "watch"];
const write = ["create", "update", "patch", "delete"];

/** Events, and the slice in which clients find the masters. */
const everyComponent: readonly PolicyRule[] = [
  { verbs: ["create", "patch", "update"], apiGroups: ["", "events.k8s.io"], resources: ["events"] },
  { verbs: read, apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
];

const scheduler: readonly PolicyRule[] = [
  ...everyComponent,
  { verbs: [...read, "create", "update", "patch"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
  { verbs: [...read, "delete"], apiGroups: [""], resources: ["pods"] },
  { verbs: ["create"], apiGroups: [""], resources: ["bindings", "pods/binding"] },
  { verbs: ["patch", "update"], apiGroups: [""], resources: ["pods/status"] },
  {
    verbs: read,
    apiGroups: [""],
    resources: [
      "nodes",
      "namespaces",
      "services",
      "endpoints",
      "replicationcontrollers",
      "persistentvolumes",
      "persistentvolumeclaims",
    ],
  },
  { verbs: read, apiGroups: ["apps"], resources: ["replicasets", "statefulsets"] },
  { verbs: read, apiGroups: ["policy"], resources: ["poddisruptionbudgets"] },
  { verbs: read, apiGroups: ["scheduling.k8s.io"], resources: ["priorityclasses"] },
  { verbs: read, apiGroups: ["storage.k8s.io", "resource.k8s.io"], resources: ["*"] },
];

/** All controllers share one identity; the collector and the namespace controller need every kind. */
const controllerManager: readonly PolicyRule[] = [
  ...everyComponent,
  { verbs: [...read, "patch", "update", "delete", "deletecollection"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["create"], apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
  {
    verbs: ["create"],
    apiGroups: [""],
    resources: [
      "configmaps",
      "endpoints",
      "persistentvolumeclaims",
      "persistentvolumes",
      "pods",
      "pods/eviction",
      "secrets",
      "serviceaccounts",
      "serviceaccounts/token",
    ],
  },
  { verbs: ["create"], apiGroups: ["apps"], resources: ["replicasets", "controllerrevisions"] },
  { verbs: ["create"], apiGroups: ["batch"], resources: ["jobs"] },
  { verbs: ["create"], apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
  { verbs: ["create"], apiGroups: ["networking.k8s.io"], resources: ["ipaddresses", "servicecidrs"] },
  { verbs: ["get"], nonResourceURLs: ["*"] },
];

const kubeProxy: readonly PolicyRule[] = [
  ...everyComponent,
  { verbs: read, apiGroups: [""], resources: ["services", "endpoints", "nodes"] },
  { verbs: read, apiGroups: ["networking.k8s.io"], resources: ["servicecidrs"] },
];

/** Of every kubelet; what concerns one node only is in `node-authorizer.ts`. */
export const nodeRules: readonly PolicyRule[] = [
  ...everyComponent,
  { verbs: read, apiGroups: [""], resources: ["services", "nodes", "pods", "secrets", "configmaps"] },
  { verbs: ["get"], apiGroups: [""], resources: ["endpoints", "persistentvolumeclaims", "persistentvolumes"] },
  { verbs: read, apiGroups: ["node.k8s.io"], resources: ["runtimeclasses"] },
  { verbs: read, apiGroups: ["storage.k8s.io"], resources: ["csidrivers"] },
  // Its own server asks who calls and whether they may. For whom it gets tokens is checked where the pod is known.
  { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"] },
  {
    verbs: ["create"],
    apiGroups: ["authorization.k8s.io"],
    resources: ["subjectaccessreviews", "localsubjectaccessreviews"],
  },
  { verbs: ["create"], apiGroups: [""], resources: ["serviceaccounts/token"] },
];

export const userRules: ReadonlyMap<string, readonly PolicyRule[]> = new Map([
  ["system:kube-scheduler", scheduler],
  ["system:kube-controller-manager", controllerManager],
  ["system:kube-proxy", kubeProxy],
]);

const healthPaths = ["/healthz", "/livez", "/livez/*", "/readyz", "/readyz/*", "/version", "/version/"];
const discoveryPaths = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"];

/** Everybody may ask who they are and what they may do. */
const selfReviews: readonly PolicyRule[] = [
  { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"] },
  {
    verbs: ["create"],
    apiGroups: ["authorization.k8s.io"],
    resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
  },
];
const issuerPaths = [
  "/.well-known/openid-configuration",
  "/.well-known/openid-configuration/",
  "/openid/v1/jwks",
  "/openid/v1/jwks/",
];

export const groupRules: ReadonlyMap<string, readonly PolicyRule[]> = new Map([
  [unauthenticatedGroup, [{ verbs: ["get"], nonResourceURLs: healthPaths }]],
  [authenticatedGroup, [{ verbs: ["get"], nonResourceURLs: [...healthPaths, ...discoveryPaths] }, ...selfReviews]],
  [serviceAccountsGroup, [{ verbs: ["get"], nonResourceURLs: issuerPaths }]],
]);

export const writeVerbs: readonly string[] = write;
