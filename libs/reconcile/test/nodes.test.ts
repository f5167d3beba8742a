import t from "tap";
import type { Node, Pod, Taint } from "@triarch/api";
import {
  isDisrupted,
  notReadyConditions,
  planNodeHealth,
  planNodeTaints,
  planPodGarbage,
  planTaintEviction,
} from "@triarch/reconcile";

const now = { ms: Date.UTC(2026, 0, 1), text: "2026-01-01T00:00:00Z" };
const graceMs = 40_000;

function node(ready: string | undefined, taints: readonly Taint[] = [], name = "n1"): Node {
  const conditions = ready === undefined ? [] : [{ type: "Ready", status: ready }];
  return { metadata: { name }, spec: { taints }, status: { conditions } };
}

const short = (taints: readonly Taint[] | undefined): readonly string[] | undefined =>
  taints?.map((one) => `${one.key.split("/")[1]}:${one.effect}`);

t.test("a silent node is Unknown after the grace period, a new one after its start", async (t) => {
  t.same(planNodeHealth(node("True"), 10_000, { graceMs }, now), { kind: "alive", againAfterMs: 30_000 });
  const silent = planNodeHealth(node("True"), graceMs, { graceMs }, now);
  t.match(silent, { kind: "silent" });
  const ready = silent.kind === "silent" ? silent.conditions.find((one) => one.type === "Ready") : undefined;
  t.match(ready, { status: "Unknown", reason: "NodeStatusUnknown", lastTransitionTime: now.text });
  t.match(planNodeHealth(node(undefined), graceMs, { graceMs }, now), { kind: "alive" }, "still starting");
  t.match(planNodeHealth(node(undefined), 60_000, { graceMs }, now), { kind: "silent" });
});

t.test("what was written once is not written again", async (t) => {
  const silent = planNodeHealth(node("True"), graceMs, { graceMs }, now);
  const told: Node = { status: { conditions: silent.kind === "silent" ? silent.conditions : [] } };
  t.match(planNodeHealth(told, graceMs * 2, { graceMs }, { ...now, text: "later" }), { kind: "alive" });
});

t.test("taints follow readiness, and those of others stay", async (t) => {
  const foreign: Taint = { key: "example.com/gpu", effect: "NoSchedule" };
  t.same(short(planNodeTaints(node("Unknown", [foreign]), true, now)), [
    "gpu:NoSchedule",
    "unreachable:NoSchedule",
    "unreachable:NoExecute",
  ]);
  t.same(short(planNodeTaints(node("False"), false, now)), ["not-ready:NoSchedule"], "eviction has to wait");
  const bad = planNodeTaints(node("Unknown", [foreign]), true, now) ?? [];
  t.equal(planNodeTaints(node("Unknown", bad), true, now), undefined, "they are right already");
  t.same(short(planNodeTaints(node("False", bad), false, now)), [
    "gpu:NoSchedule",
    "not-ready:NoSchedule",
    "not-ready:NoExecute",
  ]);
  t.same(short(planNodeTaints(node("True", bad), true, now)), ["gpu:NoSchedule"]);
  const cordoned: Node = { ...node("True"), spec: { unschedulable: true } };
  t.same(short(planNodeTaints(cordoned, true, now)), ["unschedulable:NoSchedule"]);
});

t.test("when most nodes are silent it is our view that broke", async (t) => {
  const nodes = (...ready: readonly string[]): readonly Node[] => ready.map((one) => node(one));
  t.equal(isDisrupted(nodes("True", "Unknown")), false, "one of two may be sent off");
  t.equal(isDisrupted(nodes("Unknown", "Unknown")), true);
  t.equal(isDisrupted(nodes("True", "True", "Unknown", "Unknown", "Unknown")), true);
  t.equal(isDisrupted(nodes("True")), false);
});

const taint: Taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute", timeAdded: now.text };
const tolerating = (tolerationSeconds?: number): Pod => ({
  spec: {
    containers: [],
    tolerations: [
      {
        key: taint.key,
        operator: "Exists",
        effect: "NoExecute",
        ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
      },
    ],
  },
});

t.test("a pod bears a taint as long as it says", async (t) => {
  const tainted = node("Unknown", [taint]);
  const at = (afterMs: number, pod: Pod) => planTaintEviction(pod, tainted, now.ms, now.ms + afterMs);
  t.same(at(0, { spec: { containers: [] } }), { kind: "evict" });
  t.same(at(1_000, tolerating(300)), { kind: "wait", forMs: 299_000 });
  t.same(at(300_000, tolerating(300)), { kind: "evict" });
  t.same(at(1e9, tolerating()), { kind: "stay" });
  t.same(planTaintEviction(tolerating(300), node("True"), 0, 1e15), { kind: "stay" });
});

t.test("a pod of a lost node is not ready", async (t) => {
  const ready = { status: { conditions: [{ type: "Ready", status: "True" }] } };
  t.match(notReadyConditions(ready, now), [{ status: "False", lastTransitionTime: now.text }]);
  t.equal(notReadyConditions({ status: { conditions: [{ type: "Ready", status: "False" }] } }, now), undefined);
});

t.test("pods that nobody looks after are found", async (t) => {
  const pod = (name: string, more: Pod): Pod => ({ ...more, metadata: { name, ...more.metadata } });
  const deleted = { deletionTimestamp: now.text };
  const ended = (name: string, created: string): Pod =>
    pod(name, {
      metadata: { creationTimestamp: created },
      spec: { nodeName: "n1", containers: [] },
      status: { phase: "Succeeded" },
    });
  const pods = [
    pod("unplaced", { metadata: deleted, spec: { containers: [] } }),
    pod("waiting", { spec: { containers: [] } }),
    pod("lost", { spec: { nodeName: "n9", containers: [] } }),
    ended("younger", "2026-01-01T00:00:01Z"),
    ended("older", "2026-01-01T00:00:00Z"),
  ];
  const plan = planPodGarbage(pods, new Map([["n1", node("True")]]), 1);
  const names = (list: readonly Pod[] | undefined) => list?.map((one) => one.metadata?.name);
  t.same(names(plan.terminated), ["older"]);
  t.same(names(plan.unplaced), ["unplaced"]);
  t.same([...plan.orphaned.keys()], ["n9"]);
  t.same(names(plan.orphaned.get("n9")), ["lost"]);
});
