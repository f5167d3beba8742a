// Decisions recorded from a real kube-scheduler, one scenario a line: the node chosen must be one of the highest total,
// scores and messages equal. Preemption is absent, so its scenarios are counted as waiting.
import { existsSync, readFileSync } from "node:fs";
import t from "tap";
import type { Node, Pod, Service } from "@triarch/api";
import { seededRng } from "@triarch/base";
import { buildSnapshot, schedule } from "@triarch/scheduling";

const recorded = new URL("../../../../shared/kubernetes/recorded/scheduler.jsonl", import.meta.url);
const present = existsSync(recorded) ? {} : { skip: "the recorded decisions of a real kube-scheduler are not there" };

interface Scenario {
  readonly scenario: number;
  readonly nodes: readonly Node[];
  readonly boundPods: readonly Pod[];
  readonly services: readonly Service[];
  readonly pod: Pod;
  readonly outcome: {
    readonly nodeName?: string;
    readonly message?: string;
    readonly preempted?: unknown;
    readonly totalScores?: Readonly<Record<string, number>>;
    readonly pluginScores?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
}

/** Their messages tell what a trial of preemption met on some node. */
const needsTrialPreemption = new Set([331, 515]);

/** What admission makes of the recording's priority classes. */
function admitted(pod: Pod): Pod {
  const never = pod.spec?.priorityClassName === "high-polite";
  return never && pod.spec !== undefined ? { ...pod, spec: { ...pod.spec, preemptionPolicy: "Never" } } : pod;
}

t.test("700 recorded decisions", present, async (t) => {
  const scenarios = readFileSync(recorded, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Scenario);
  let waiting = 0;
  for (const { scenario, nodes, boundPods, services, pod, outcome } of scenarios) {
    if (outcome.preempted !== undefined || needsTrialPreemption.has(scenario)) {
      waiting += 1;
      continue;
    }
    const inNamespace = (one: Pod): Pod => ({ ...one, metadata: { namespace: "default", ...one.metadata } });
    const ours = schedule(
      inNamespace(admitted(pod)),
      buildSnapshot({
        nodes,
        pods: boundPods.map(inNamespace),
        services: services.map((one) => ({ ...one, metadata: { namespace: "default", ...one.metadata } })),
      }),
      seededRng(scenario),
    );
    if (outcome.message !== undefined) {
      t.same(ours, { kind: "unschedulable", message: outcome.message }, `scenario ${scenario}`);
    } else if (outcome.totalScores !== undefined && outcome.pluginScores !== undefined && ours.kind === "node") {
      const scores = Object.fromEntries([...ours.pluginScores].map(([name, by]) => [name, Object.fromEntries(by)]));
      const { DynamicResources: _none, ...theirs } = outcome.pluginScores;
      t.same(scores, theirs, `scenario ${scenario} scores`);
      t.same(Object.fromEntries(ours.totalScores), outcome.totalScores, `scenario ${scenario} totals`);
      t.equal(
        outcome.totalScores[ours.nodeName],
        Math.max(...Object.values(outcome.totalScores)),
        `scenario ${scenario} node`,
      );
    } else {
      t.match(ours, { kind: "node", nodeName: outcome.nodeName }, `scenario ${scenario} only node`);
    }
  }
  t.comment(`${scenarios.length - waiting} decisions compared, ${waiting} with preemption waiting`);
});
