// Status of pods: phases, conditions and container states as clients know them.
import t from "tap";
import type { Pod, PodSpec, PodStatus } from "@triarch/api";
import { ManualClock } from "@triarch/base";
import type { ContainerRecord, ContainerRunState } from "@triarch/runtime-hollow";
import { podStatus, type StatusInput } from "../src/pods/pod-status.ts";
import { backoffMaxMs, RestartBackoff } from "../src/pods/restart-backoff.ts";

const identity = { uid: "u1", namespace: "default", name: "p" };
const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const later = "2026-01-02T03:04:05Z";
const running: ContainerRunState = { kind: "running", startedAtMs: nowMs - 1000 };

function exited(exitCode: number): ContainerRunState {
  const reason = exitCode === 0 ? "Completed" : "Error";
  return { kind: "exited", startedAtMs: nowMs - 2000, finishedAtMs: nowMs - 1000, exitCode, reason };
}

function record(name: string, attempt: number, state: ContainerRunState): ContainerRecord {
  const id = `${name}-${attempt}`;
  return { id, pod: identity, sandboxId: "s0", name, attempt, image: "img", imageId: "sha", createdAtMs: 0, state };
}

function status(
  containers: readonly ContainerRecord[],
  more: Partial<StatusInput> = {},
  spec: Partial<PodSpec> = {},
): PodStatus {
  const pod: Pod = { metadata: identity, spec: { containers: [{ name: "a", image: "img" }], ...spec } };
  return podStatus({
    pod,
    sandbox: { id: "s0", pod: identity, attempt: 0, createdAtMs: 0, ready: true, ip: "10.0.0.9" },
    containers,
    probe: () => ({ started: true, ready: true }),
    waiting: new Map(),
    scheme: "docker",
    hostIp: "192.168.0.1",
    startedAtMs: nowMs - 5000,
    nowMs,
    terminated: false,
    ...more,
  });
}

function condition(of: PodStatus, type: string): string {
  const found = of.conditions?.find((one) => one.type === type);
  return [found?.status, found?.reason].filter((part) => part !== undefined).join(" ");
}

t.test("a running pod", (t) => {
  const now = status([record("a", 0, running)]);
  t.equal(now.phase, "Running");
  t.same([now.podIP, now.podIPs, now.hostIP], ["10.0.0.9", [{ ip: "10.0.0.9" }], "192.168.0.1"]);
  t.equal(now.startTime, "2026-01-02T03:04:00Z");
  t.same(
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) =>
      condition(now, type),
    ),
    ["True", "True", "True", "True", "True"],
  );
  const [container] = now.containerStatuses ?? [];
  t.same(container?.state, { running: { startedAt: "2026-01-02T03:04:04Z" } });
  t.same([container?.ready, container?.started, container?.containerID], [true, true, "docker://a-0"]);
  t.end();
});

t.test("before its containers", (t) => {
  const now = status([]);
  t.equal(now.phase, "Pending");
  t.equal(condition(now, "Ready"), "False ContainersNotReady");
  t.same(now.containerStatuses?.[0]?.state, { waiting: { reason: "ContainerCreating" } });
  t.end();
});

t.test("while it initializes", (t) => {
  const now = status([record("i", 0, running)], {}, { initContainers: [{ name: "i", image: "img" }] });
  t.equal(now.phase, "Pending");
  t.equal(condition(now, "Initialized"), "False ContainersNotInitialized");
  t.same(now.containerStatuses?.[0]?.state, { waiting: { reason: "PodInitializing" } });
  t.end();
});

t.test("a failed readiness probe", (t) => {
  const now = status([record("a", 0, running)], { probe: () => ({ started: true, ready: false }) });
  t.equal(now.phase, "Running");
  t.equal(condition(now, "Ready"), "False ContainersNotReady");
  t.end();
});

t.test("back-off hides the exit, which becomes the last state", (t) => {
  const waiting = new Map([["a", { reason: "CrashLoopBackOff", message: "back-off 10s" }]]);
  const now = status([record("a", 1, exited(1)), record("a", 0, exited(2))], { waiting });
  t.equal(now.phase, "Running");
  const [container] = now.containerStatuses ?? [];
  t.same(container?.state, { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } });
  t.equal(container?.lastState?.terminated?.exitCode, 1);
  t.equal(container?.restartCount, 1);
  t.end();
});

t.test("ends", (t) => {
  const phase = (code: number, restartPolicy: string, terminated = false): string | undefined =>
    status([record("a", 0, exited(code))], { terminated }, { restartPolicy }).phase;
  t.equal(phase(0, "Never"), "Succeeded");
  t.equal(phase(1, "Never"), "Failed");
  t.equal(phase(0, "OnFailure"), "Succeeded");
  t.equal(phase(1, "OnFailure"), "Running");
  t.equal(phase(0, "Always"), "Running");
  t.equal(phase(0, "Always", true), "Succeeded", "deleted");
  t.equal(phase(137, "Always", true), "Failed", "deleted");
  t.equal(
    condition(status([record("a", 0, exited(0))], {}, { restartPolicy: "Never" }), "Ready"),
    "False PodCompleted",
  );
  t.end();
});

t.test("transition times stay while the status does", (t) => {
  const first = status([record("a", 0, running)]);
  const old = "2020-01-01T00:00:00Z";
  const pod: Pod = {
    metadata: identity,
    spec: { containers: [{ name: "a", image: "img" }] },
    status: { conditions: (first.conditions ?? []).map((one) => ({ ...one, lastTransitionTime: old })) },
  };
  const now = status([record("a", 0, running)], { pod, probe: () => ({ started: true, ready: false }) });
  const time = (type: string): string | undefined =>
    now.conditions?.find((one) => one.type === type)?.lastTransitionTime;
  t.equal(time("Initialized"), old);
  t.equal(time("Ready"), later);
  t.end();
});

t.test("readiness gates", (t) => {
  const now = status([record("a", 0, running)], {}, { readinessGates: [{ conditionType: "x.y/z" }] });
  t.equal(condition(now, "ContainersReady"), "True");
  t.equal(condition(now, "Ready"), "False ReadinessGatesNotReady");
  t.end();
});

t.test("restart back-off: at once, 10 s, 20 s, ... 300 s; a quiet time starts over", (t) => {
  const clock = new ManualClock();
  const backoff = new RestartBackoff(clock, 1);
  const delays: number[] = [];
  for (let i = 0; i < 8; i++) {
    backoff.fail("a", clock.nowMs());
    const before = backoff.delayMs("a");
    backoff.fail("a", clock.nowMs());
    t.equal(backoff.delayMs("a"), before, "telling one failure twice changes nothing");
    delays.push(before / 1000);
    t.equal(backoff.waitUntilMs("a"), before === 0 ? undefined : clock.nowMs() + before);
    clock.advance(before + 1000);
    t.equal(backoff.waitUntilMs("a"), undefined, "then it may start");
  }
  t.same(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
  clock.advance(2 * backoffMaxMs + 1);
  backoff.fail("a", clock.nowMs());
  t.equal(backoff.delayMs("a"), 0);
  t.end();
});
