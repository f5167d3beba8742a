// What to do for a pod: desired (its spec) minus observed (sandboxes, containers, probes, back-off). Pure and level-based:
// the same state gives the same actions, whatever happened before.
import type { Container, Pod } from "@triarch/api";
import type { ContainerRecord, Sandbox } from "@triarch/runtime-hollow";

export type ContainerRole = "init" | "sidecar" | "main";

export type PodAction =
  | { readonly kind: "removeSandbox"; readonly id: string }
  | { readonly kind: "createSandbox"; readonly attempt: number }
  | {
      readonly kind: "startContainer";
      readonly container: Container;
      readonly role: ContainerRole;
      readonly attempt: number;
    }
  | { readonly kind: "stopContainer"; readonly record: ContainerRecord; readonly reason: string }
  | { readonly kind: "removeContainer"; readonly id: string }
  /** Nothing will run again: sidecars are stopped and the sandbox goes; exited containers stay for logs and status. */
  | { readonly kind: "tearDown" };

export interface PodPlan {
  readonly actions: readonly PodAction[];
  /** When back-off ends, wall clock milliseconds. */
  readonly wakeAtMs?: number;
}

export interface ProbeOutcome {
  /** The startup probe passed, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** A liveness or startup probe failed for good: the container has to be restarted. */
  readonly failed?: string;
}

export interface ObservedPod {
  /** Newest first. */
  readonly sandboxes: readonly Sandbox[];
  /** Newest first. */
  readonly containers: readonly ContainerRecord[];
  probe(containerId: string): ProbeOutcome;
  /** When this container may be started again; undefined: now. */
  waitUntilMs(containerName: string): number | undefined;
}

/** Ended containers kept per name beside the newest, for `logs --previous`. */
const keptPrevious = 1;

export function planPod(pod: Pod, observed: ObservedPod): PodPlan {
  const [sandbox] = observed.sandboxes;
  const outdated = observed.sandboxes.slice(1).map((one): PodAction => ({ kind: "removeSandbox", id: one.id }));
  const steps = containerSteps(pod, observed, sandbox);
  const actions: PodAction[] = [...outdated, ...surplusContainers(observed.containers)];
  if (steps.kind === "done") {
    if (observed.sandboxes.length > 0) actions.push({ kind: "tearDown" });
    return { actions };
  }
  if (sandbox?.ready !== true) {
    // Containers can't live on without their network namespace's owner.
    for (const record of running(observed.containers)) {
      actions.push({ kind: "stopContainer", record, reason: "Pod sandbox changed, it will be killed and re-created." });
    }
    if (sandbox !== undefined) actions.push({ kind: "removeSandbox", id: sandbox.id });
    actions.push({ kind: "createSandbox", attempt: sandbox === undefined ? 0 : sandbox.attempt + 1 });
    return { actions };
  }
  actions.push(...steps.actions);
  return { actions, ...(steps.wakeAtMs === undefined ? {} : { wakeAtMs: steps.wakeAtMs }) };
}

type Steps = { readonly kind: "done" } | { readonly kind: "steps"; readonly actions: PodAction[]; wakeAtMs?: number };

function containerSteps(pod: Pod, observed: ObservedPod, sandbox: Sandbox | undefined): Steps {
  const policy = pod.spec?.restartPolicy ?? "Always";
  const steps: Steps = { kind: "steps", actions: [] };
  const newest = newestByName(observed.containers);
  const mains = pod.spec?.containers ?? [];
  const inSandbox = (name: string): boolean => newest.get(name)?.sandboxId === sandbox?.id;
  const mainsBegan = mains.some(({ name }) => newest.has(name) && inSandbox(name));
  const mainsOver = mains.every(({ name }) => {
    const record = newest.get(name);
    return record?.state.kind === "exited" && !restarts(policy, record.state.exitCode);
  });
  if (mainsOver) return { kind: "done" };

  const start = (container: Container, role: ContainerRole): void => {
    const record = newest.get(container.name);
    if (record?.state.kind === "exited") {
      const untilMs = observed.waitUntilMs(container.name);
      if (untilMs !== undefined) return wake(steps, untilMs);
    }
    // A container that was created and never started gives its number to the one that replaces it.
    const attempt = record === undefined ? 0 : record.state.kind === "created" ? record.attempt : record.attempt + 1;
    if (record?.state.kind === "created") steps.actions.push({ kind: "removeContainer", id: record.id });
    const untilMs = record === undefined ? observed.waitUntilMs(container.name) : undefined;
    if (untilMs !== undefined) return wake(steps, untilMs);
    steps.actions.push({ kind: "startContainer", container, role, attempt });
  };

  for (const container of pod.spec?.initContainers ?? []) {
    const sidecar = container.restartPolicy === "Always";
    const record = newest.get(container.name);
    const state = record?.state;
    if (state?.kind === "running" && record !== undefined) {
      const probe = observed.probe(record.id);
      if (probe.failed !== undefined) steps.actions.push({ kind: "stopContainer", record, reason: probe.failed });
      if (mainsBegan || (sidecar && probe.started)) continue;
      return steps;
    }
    if (sidecar) {
      start(container, "sidecar");
      if (!mainsBegan) return steps;
      continue;
    }
    if (mainsBegan) continue;
    if (state?.kind === "exited" && inSandbox(container.name) && state.exitCode === 0) continue;
    if (state?.kind === "exited" && state.exitCode !== 0 && policy === "Never") return { kind: "done" };
    start(container, "init");
    return steps;
  }
  for (const container of mains) {
    const record = newest.get(container.name);
    if (record?.state.kind === "running") {
      const reason = restartReason(container, record, observed.probe(record.id));
      if (reason !== undefined) steps.actions.push({ kind: "stopContainer", record, reason });
    } else if (record?.state.kind !== "exited" || restarts(policy, record.state.exitCode)) {
      start(container, "main");
    }
  }
  return steps;
}

/** Whether a container that ended with this code is started again. */
export function restarts(policy: string, exitCode: number): boolean {
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

function restartReason(container: Container, record: ContainerRecord, probe: ProbeOutcome): string | undefined {
  if (container.image !== undefined && container.image !== record.image) {
    return `Container ${container.name} definition changed, will be restarted`;
  }
  return probe.failed;
}

export function newestByName(containers: readonly ContainerRecord[]): Map<string, ContainerRecord> {
  const newest = new Map<string, ContainerRecord>();
  for (const record of containers) if (!newest.has(record.name)) newest.set(record.name, record);
  return newest;
}

export function running(containers: readonly ContainerRecord[]): readonly ContainerRecord[] {
  return containers.filter((one) => one.state.kind === "running");
}

function surplusContainers(containers: readonly ContainerRecord[]): PodAction[] {
  const seen = new Map<string, number>();
  return containers.flatMap((record): PodAction[] => {
    const count = seen.get(record.name) ?? 0;
    seen.set(record.name, count + 1);
    return count > keptPrevious && record.state.kind !== "running" ? [{ kind: "removeContainer", id: record.id }] : [];
  });
}

function wake(steps: Extract<Steps, { kind: "steps" }>, atMs: number): void {
  steps.wakeAtMs = Math.min(steps.wakeAtMs ?? Infinity, atMs);
}
