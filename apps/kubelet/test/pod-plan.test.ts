// The plan of a pod over what may be observed of it. Each line of a table is one observation and the actions it asks for.
import t from "tap";
import type { Container, Pod, PodSpec } from "@triarch/api";
import type { ContainerRecord, ContainerRunState, Sandbox } from "@triarch/runtime-hollow";
import { planPod, type ObservedPod, type PodPlan, type ProbeOutcome } from "../src/pods/pod-plan.ts";

const identity = { uid: "u1", namespace: "default", name: "p" };
const running: ContainerRunState = { kind: "running", startedAtMs: 1 };
const exited = (exitCode: number): ContainerRunState => ({
  kind: "exited",
  startedAtMs: 1,
  finishedAtMs: 2,
  exitCode,
  reason: "x",
});

function sandbox(attempt = 0, ready = true): Sandbox {
  return { id: `s${attempt}`, pod: identity, attempt, createdAtMs: 0, ready, ip: "10.0.0.2" };
}

function record(name: string, attempt: number, state: ContainerRunState, sandboxId = "s0"): ContainerRecord {
  const id = `${name}.${attempt}`;
  return { id, pod: identity, sandboxId, name, attempt, image: "img", imageId: "i", createdAtMs: 0, state };
}

function pod(spec: Partial<PodSpec> = {}): Pod {
  return { metadata: identity, spec: { containers: [container("a")], ...spec } };
}

function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: "img", ...more };
}

function observe(
  sandboxes: readonly Sandbox[],
  containers: readonly ContainerRecord[],
  more: { readonly probe?: Partial<ProbeOutcome>; readonly waitUntilMs?: number } = {},
): ObservedPod {
  return {
    sandboxes,
    containers,
    probe: () => ({ started: true, ready: true, ...more.probe }),
    waitUntilMs: () => more.waitUntilMs,
  };
}

/** `start a#1`, `stop a.0`, ... */
function text(plan: PodPlan): string {
  return plan.actions
    .map((action) => {
      switch (action.kind) {
        case "createSandbox":
          return `sandbox#${action.attempt}`;
        case "removeSandbox":
          return `remove ${action.id}`;
        case "startContainer":
          return `start ${action.container.name}#${action.attempt}`;
        case "stopContainer":
          return `stop ${action.record.id}`;
        case "removeContainer":
          return `remove ${action.id}`;
        case "tearDown":
          return "tear down";
      }
    })
    .join(", ");
}

const never = { restartPolicy: "Never" };
const onFailure = { restartPolicy: "OnFailure" };
const two = { containers: [container("a"), container("b")] };
const withInit = { initContainers: [container("i"), container("j")] };
const withSidecar = { initContainers: [container("side", { restartPolicy: "Always" })] };

const cases: readonly (readonly [string, Pod, ObservedPod, string])[] = [
  ["nothing there", pod(), observe([], []), "sandbox#0"],
  ["a sandbox", pod(two), observe([sandbox()], []), "start a#0, start b#0"],
  ["all runs", pod(), observe([sandbox()], [record("a", 0, running)]), ""],
  [
    "one of two ended",
    pod(two),
    observe([sandbox()], [record("a", 0, exited(1)), record("b", 0, running)]),
    "start a#1",
  ],
  [
    "created, never started",
    pod(),
    observe([sandbox()], [record("a", 2, { kind: "created" })]),
    "remove a.2, start a#2",
  ],
  ["never again", pod(never), observe([sandbox()], [record("a", 0, exited(1))]), "tear down"],
  ["never again, sandbox gone", pod(never), observe([], [record("a", 0, exited(1))]), ""],
  ["success is final on failure", pod(onFailure), observe([sandbox()], [record("a", 0, exited(0))]), "tear down"],
  ["failure is not", pod(onFailure), observe([sandbox()], [record("a", 0, exited(1))]), "start a#1"],
  ["back-off holds", pod(), observe([sandbox()], [record("a", 0, exited(1))], { waitUntilMs: 9 }), ""],
  ["liveness failed", pod(), observe([sandbox()], [record("a", 0, running)], { probe: { failed: "no" } }), "stop a.0"],
  [
    "another image is wanted",
    pod({ containers: [container("a", { image: "new" })] }),
    observe([sandbox()], [record("a", 0, running)]),
    "stop a.0",
  ],
  [
    "the sandbox died: all starts over",
    pod(),
    observe([sandbox(0, false)], [record("a", 0, running)]),
    "stop a.0, remove s0, sandbox#1",
  ],
  ["an old sandbox", pod(), observe([sandbox(1), sandbox(0)], [record("a", 1, running, "s1")]), "remove s0"],
  ["the first init container", pod(withInit), observe([sandbox()], []), "start i#0"],
  ["it runs", pod(withInit), observe([sandbox()], [record("i", 0, running)]), ""],
  ["it is done", pod(withInit), observe([sandbox()], [record("i", 0, exited(0))]), "start j#0"],
  ["it failed", pod(withInit), observe([sandbox()], [record("i", 0, exited(1))]), "start i#1"],
  [
    "it failed for good",
    pod({ ...withInit, ...never }),
    observe([sandbox()], [record("i", 0, exited(1))]),
    "tear down",
  ],
  [
    "both are done",
    pod(withInit),
    observe([sandbox()], [record("j", 0, exited(0)), record("i", 0, exited(0))]),
    "start a#0",
  ],
  [
    "a new sandbox runs them again",
    pod(withInit),
    observe([sandbox(1)], [record("a", 0, exited(1)), record("j", 0, exited(0)), record("i", 0, exited(0))]),
    "start i#1",
  ],
  ["a sidecar first", pod(withSidecar), observe([sandbox()], []), "start side#0"],
  ["then the rest", pod(withSidecar), observe([sandbox()], [record("side", 0, running)]), "start a#0"],
  [
    "not before it started",
    pod(withSidecar),
    observe([sandbox()], [record("side", 0, running)], { probe: { started: false } }),
    "",
  ],
  [
    "a sidecar comes back",
    pod(withSidecar),
    observe([sandbox()], [record("a", 0, running), record("side", 0, exited(0))]),
    "start side#1",
  ],
  [
    "a sidecar does not keep a pod alive",
    pod({ ...withSidecar, ...never }),
    observe([sandbox()], [record("a", 0, exited(0)), record("side", 0, running)]),
    "tear down",
  ],
  [
    "only the last run before is kept",
    pod(),
    observe([sandbox()], [record("a", 2, running), record("a", 1, exited(1)), record("a", 0, exited(1))]),
    "remove a.0",
  ],
];

for (const [name, given, observed, expected] of cases) {
  t.test(name, (t) => {
    t.equal(text(planPod(given, observed)), expected);
    t.end();
  });
}

t.test("back-off tells when to look again", (t) => {
  const plan = planPod(pod(), observe([sandbox()], [record("a", 0, exited(1))], { waitUntilMs: 77 }));
  t.equal(plan.wakeAtMs, 77);
  t.end();
});
