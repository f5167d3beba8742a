// Flow schemas and priority levels that every cluster has: the same names, order and shares as Kubernetes', which tools
// and people know. Their annotation says that the server may bring them up to date.
import type { JsonObject, MutableObject } from "@triarch/api";

export const flowControlManager = "api-priority-and-fairness-config-producer-v1";

const annotations = { "apf.kubernetes.io/autoupdate-spec": "true" };

interface Level {
  readonly shares: number;
  readonly lendablePercent: number;
  /** Absent: requests past the limit are refused at once. */
  readonly queues?: readonly [queues: number, handSize: number];
}

const levels: Readonly<Record<string, Level>> = {
  system: { shares: 30, lendablePercent: 33, queues: [64, 6] },
  "node-high": { shares: 40, lendablePercent: 25, queues: [64, 6] },
  "leader-election": { shares: 10, lendablePercent: 0, queues: [16, 4] },
  "workload-high": { shares: 40, lendablePercent: 50, queues: [128, 6] },
  "workload-low": { shares: 100, lendablePercent: 90, queues: [128, 6] },
  "global-default": { shares: 20, lendablePercent: 50, queues: [128, 6] },
  "catch-all": { shares: 5, lendablePercent: 0 },
};
const queueLengthLimit = 50;

export function priorityLevels(): readonly MutableObject[] {
  const limited = Object.entries(levels).map(([name, { shares, lendablePercent, queues }]) => {
    const queuing = queues && { queues: queues[0], handSize: queues[1], queueLengthLimit };
    const limitResponse = queuing === undefined ? { type: "Reject" } : { type: "Queue", queuing };
    const own = { nominalConcurrencyShares: shares, lendablePercent, limitResponse };
    return { metadata: { name, annotations }, spec: { type: "Limited", limited: own } };
  });
  const exempt = { nominalConcurrencyShares: 0, lendablePercent: 0 };
  return [{ metadata: { name: "exempt", annotations }, spec: { type: "Exempt", exempt } }, ...limited].map(own);
}

const all = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] };
const everything = {
  resourceRules: [all],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
};
const leases = { apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] };

const group = (name: string): JsonObject => ({ kind: "Group", group: { name } });
const user = (name: string): JsonObject => ({ kind: "User", user: { name } });
const systemAccounts = { kind: "ServiceAccount", serviceAccount: { namespace: "kube-system", name: "*" } };
const anybody = [group("system:unauthenticated"), group("system:authenticated")];
const controllerManager = user("system:kube-controller-manager");
const scheduler = user("system:kube-scheduler");

interface Schema {
  readonly level: string;
  readonly precedence: number;
  readonly by?: "ByUser" | "ByNamespace";
  readonly subjects: readonly JsonObject[];
  readonly rules?: JsonObject;
}

const schemas: Readonly<Record<string, Schema>> = {
  exempt: { level: "exempt", precedence: 1, subjects: [group("system:masters")] },
  probes: {
    level: "exempt",
    precedence: 2,
    subjects: anybody,
    rules: { nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }] },
  },
  "system-leader-election": {
    level: "leader-election",
    precedence: 100,
    by: "ByUser",
    subjects: [controllerManager, scheduler, systemAccounts],
    rules: { resourceRules: [{ verbs: ["get", "create", "update"], ...leases }] },
  },
  "system-node-high": {
    level: "node-high",
    precedence: 400,
    by: "ByUser",
    subjects: [group("system:nodes")],
    rules: {
      resourceRules: [
        { ...all, apiGroups: [""], resources: ["nodes", "nodes/status"] },
        { verbs: ["*"], ...leases },
      ],
    },
  },
  "system-nodes": { level: "system", precedence: 500, by: "ByUser", subjects: [group("system:nodes")] },
  "kube-controller-manager": {
    level: "workload-high",
    precedence: 800,
    by: "ByNamespace",
    subjects: [controllerManager],
  },
  "kube-scheduler": { level: "workload-high", precedence: 800, by: "ByNamespace", subjects: [scheduler] },
  "kube-system-service-accounts": {
    level: "workload-high",
    precedence: 900,
    by: "ByNamespace",
    subjects: [systemAccounts],
  },
  "service-accounts": {
    level: "workload-low",
    precedence: 9000,
    by: "ByUser",
    subjects: [group("system:serviceaccounts")],
  },
  "global-default": { level: "global-default", precedence: 9900, by: "ByUser", subjects: anybody },
  "catch-all": { level: "catch-all", precedence: 10_000, by: "ByUser", subjects: anybody },
};

export function flowSchemas(): readonly MutableObject[] {
  return Object.entries(schemas).map(([name, { level, precedence, by, subjects, rules = everything }]) =>
    own({
      metadata: { name, annotations },
      spec: {
        priorityLevelConfiguration: { name: level },
        matchingPrecedence: precedence,
        ...(by === undefined ? {} : { distinguisherMethod: { type: by } }),
        rules: [{ subjects, ...rules }],
      },
    }),
  );
}

/** The tables share parts, and what is created is changed on the way. */
function own(object: JsonObject): MutableObject {
  return structuredClone(object) as MutableObject;
}
