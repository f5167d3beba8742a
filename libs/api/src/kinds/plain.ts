// Kinds with nothing special but what this table says: metadata is checked, spec and status are kept apart, generations
// are counted where Kubernetes counts them. Their own rules (that a Role's verbs are not empty, say) are not written yet.
import { required } from "../meta/field-error.ts";
import { deepEqual, numberAt, objectAt } from "../meta/mutable.ts";
import { type NameCheck, pathSegment } from "../meta/names.ts";
import { checkNonNegative, type Errors, immutable } from "../validation/basics.ts";
import { validatePodTemplate } from "../validation/pod-template.ts";
import type { KindRules } from "./generic.ts";

type PlainRules = Partial<Omit<KindRules, "namespaced">>;

const counted: PlainRules = { generationFields: ["spec"] };
/** Names of roles and bindings may hold nearly anything: `system:kube-scheduler`. */
const rbacName: NameCheck = pathSegment;
const rbac: PlainRules = { nameCheck: rbacName, allowCreateOnUpdate: true };
const unconditional: PlainRules = { allowUnconditionalUpdate: false };

/** By `group/resource`, the core group's without group: `/pods`. */
export const plainKinds: Readonly<Record<string, PlainRules>> = {
  "/podtemplates": {
    generationFields: ["template"],
    metaPasses: ["change"],
    validate: (object) => validatePodTemplate(objectAt(object, "template") ?? {}, "template"),
  },
  "apps/controllerrevisions": {
    ...unconditional,
    validate: (object) => {
      const errors: Errors = [];
      checkNonNegative(errors, "revision", numberAt(object, "revision"));
      return errors;
    },
    validateNew: (object) => (objectAt(object, "data") === undefined ? [required("data", "data is mandatory")] : []),
    validateChange: (next, old) => {
      const data = objectAt(next, "data");
      return deepEqual(data, objectAt(old, "data")) ? [] : [immutable("data", data)];
    },
  },
  "autoscaling/horizontalpodautoscalers": { initialStatus: { desiredReplicas: 0, currentMetrics: null } },
  "policy/poddisruptionbudgets": {
    ...counted,
    ...unconditional,
    initialStatus: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  },
  "networking.k8s.io/ingresses": { ...counted, initialStatus: { loadBalancer: {} } },
  "networking.k8s.io/ingressclasses": counted,
  "networking.k8s.io/networkpolicies": counted,
  "rbac.authorization.k8s.io/roles": rbac,
  "rbac.authorization.k8s.io/rolebindings": rbac,
  "rbac.authorization.k8s.io/clusterroles": rbac,
  "rbac.authorization.k8s.io/clusterrolebindings": rbac,
  "storage.k8s.io/csidrivers": unconditional,
  "storage.k8s.io/csinodes": unconditional,
  "storage.k8s.io/volumeattachments": { ...unconditional, initialStatus: { attached: false } },
  "storage.k8s.io/volumeattributesclasses": { finalizers: ["kubernetes.io/vac-protection"] },
  "scheduling.k8s.io/priorityclasses": {
    generationFields: ["value", "globalDefault", "description", "preemptionPolicy"],
  },
  "certificates.k8s.io/certificatesigningrequests": { initialStatus: {} },
  "resource.k8s.io/deviceclasses": counted,
  "resource.k8s.io/resourceslices": counted,
  "resource.k8s.io/resourceclaims": { initialStatus: {} },
};
