// The status a pod has, computed from its spec and what runs. Pure. Phases, conditions, reasons and messages are those of
// Kubernetes' kubelet, as clients (kubectl, controllers) look at them.
import { timeText } from "@triarch/api";
import type { Container, ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from "@triarch/api";
import type { ContainerRecord, Sandbox } from "@triarch/runtime-hollow";
import { restarts, type ProbeOutcome } from "./pod-plan.ts";

export interface StatusInput {
  readonly pod: Pod;
  readonly sandbox: Sandbox | undefined;
  /** Newest first. */
  readonly containers: readonly ContainerRecord[];
  probe(containerId: string): ProbeOutcome;
  /** Why a container that should run does not: image pull, configuration, back-off. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message: string }>;
  readonly scheme: string;
  readonly hostIp: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** All containers were stopped for good (deletion, deadline): nothing restarts any more. */
  readonly terminated: boolean;
  /** The node gave the pod up: phase Failed with this reason. */
  readonly failed?: { readonly reason: string; readonly message: string };
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, sandbox } = input;
  const initContainers = pod.spec?.initContainers ?? [];
  const containers = pod.spec?.containers ?? [];
  const initialized = initContainers.every((container) => initDone(container, input));
  const idle = initialized ? "ContainerCreating" : "PodInitializing";
  const initContainerStatuses = initContainers.map((one) => containerStatus(one, input, "PodInitializing", true));
  const containerStatuses = containers.map((one) => containerStatus(one, input, idle, false));
  const phase = podPhase(input, initContainerStatuses, containerStatuses);
  const ip = sandbox?.ip ?? (phase === "Pending" ? undefined : pod.status?.podIP);
  return {
    ...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    ...(input.failed ?? {}),
    conditions: conditions(input, phase, initialized, containerStatuses),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    startTime: timeText(input.startedAtMs),
    ...(initContainers.length === 0 ? {} : { initContainerStatuses }),
    containerStatuses,
  };
}

function recordsOf(container: Container, input: StatusInput): readonly ContainerRecord[] {
  return input.containers.filter((one) => one.name === container.name);
}

function initDone(container: Container, input: StatusInput): boolean {
  const [record] = recordsOf(container, input);
  if (record === undefined) return false;
  if (container.restartPolicy === "Always") return record.state.kind === "running" && input.probe(record.id).started;
  return record.state.kind === "exited" && record.state.exitCode === 0;
}

function containerStatus(container: Container, input: StatusInput, idle: string, init: boolean): ContainerStatus {
  const [record, previous] = recordsOf(container, input);
  const probe = record === undefined ? undefined : input.probe(record.id);
  const isRunning = record?.state.kind === "running";
  const now = record === undefined ? undefined : recordState(record, input.scheme);
  const before = previous === undefined ? undefined : recordState(previous, input.scheme);
  const waiting = waitingState(container, record, input, idle);
  const state = waiting ?? now ?? { waiting: { reason: idle } };
  const lastState = waiting !== undefined && now?.terminated !== undefined ? now : before;
  const plainInit = init && container.restartPolicy !== "Always";
  const succeeded = record?.state.kind === "exited" && record.state.exitCode === 0;
  return {
    name: container.name,
    state,
    lastState: lastState?.terminated === undefined ? {} : lastState,
    ready: plainInit ? succeeded : isRunning && probe?.ready === true,
    restartCount: record?.attempt ?? 0,
    image: container.image ?? "",
    imageID: record?.imageId ?? "",
    ...(record === undefined ? {} : { containerID: `${input.scheme}://${record.id}` }),
    started: isRunning && (plainInit || probe?.started === true),
  };
}

function recordState(record: ContainerRecord, scheme: string): ContainerState | undefined {
  const { state } = record;
  if (state.kind === "created") return undefined;
  if (state.kind === "running") return { running: { startedAt: timeText(state.startedAtMs) } };
  return {
    terminated: {
      exitCode: state.exitCode,
      reason: state.reason,
      ...(state.message === undefined ? {} : { message: state.message }),
      startedAt: timeText(state.startedAtMs),
      finishedAt: timeText(state.finishedAtMs),
      containerID: `${scheme}://${record.id}`,
    },
  };
}

/** A reason to wait hides the exit of the run before; that one becomes lastState. */
function waitingState(
  container: Container,
  record: ContainerRecord | undefined,
  input: StatusInput,
  idle: string,
): ContainerState | undefined {
  if (input.terminated || input.failed !== undefined || record?.state.kind === "running") return undefined;
  const waiting = input.waiting.get(container.name);
  if (waiting !== undefined) return { waiting };
  return record === undefined || record.state.kind === "created" ? { waiting: { reason: idle } } : undefined;
}

function podPhase(
  input: StatusInput,
  initStatuses: readonly ContainerStatus[],
  statuses: readonly ContainerStatus[],
): string {
  const before = input.pod.status?.phase;
  if (input.failed !== undefined || before === "Failed") return "Failed";
  if (before === "Succeeded") return "Succeeded";
  const policy = input.terminated ? "Never" : (input.pod.spec?.restartPolicy ?? "Always");
  const initFailed = initStatuses.some(
    (one, i) =>
      (one.state?.terminated?.exitCode ?? 0) !== 0 &&
      input.pod.spec?.initContainers?.[i]?.restartPolicy !== "Always" &&
      policy === "Never",
  );
  if (initFailed) return "Failed";
  const states = statuses.map((one) => ({ state: one.state, last: one.lastState }));
  const exits = states.map(({ state, last }) => state?.terminated ?? (state?.waiting ? last?.terminated : undefined));
  if (states.some(({ state }) => state?.running !== undefined)) return "Running";
  if (exits.some((exit) => exit === undefined)) {
    if (exits.some((exit) => exit !== undefined)) return input.terminated ? "Failed" : "Running";
    return input.terminated && initStatuses.some((one) => one.containerID !== undefined) ? "Failed" : "Pending";
  }
  if (exits.some((exit) => exit !== undefined && restarts(policy, exit.exitCode))) return "Running";
  return exits.every((exit) => exit?.exitCode === 0) ? "Succeeded" : "Failed";
}

function conditions(
  input: StatusInput,
  phase: string,
  initialized: boolean,
  statuses: readonly ContainerStatus[],
): PodCondition[] {
  const { pod } = input;
  const over = phase === "Succeeded" || phase === "Failed";
  const completed = phase === "Succeeded" ? "PodCompleted" : phase === "Failed" ? "PodFailed" : undefined;
  const names = statuses.filter((one) => !one.ready).map((one) => one.name);
  const unready = {
    status: "False",
    reason: completed ?? "ContainersNotReady",
    ...(over ? {} : { message: `containers with unready status: [${names.join(" ")}]` }),
  };
  const containersReady = names.length === 0 && !over ? { status: "True" } : unready;
  const gates = (pod.spec?.readinessGates ?? []).filter(
    (gate) => !pod.status?.conditions?.some((one) => one.type === gate.conditionType && one.status === "True"),
  );
  const gated = {
    status: "False",
    reason: "ReadinessGatesNotReady",
    message: gates
      .map(
        (gate) =>
          `corresponding condition of pod readiness gate "${gate.conditionType}" does not exist or is not True.`,
      )
      .join(" "),
  };
  const incomplete = (pod.spec?.initContainers ?? []).filter((one) => !initDone(one, input)).map((one) => one.name);
  const ready = containersReady.status === "True" && gates.length > 0 ? gated : containersReady;
  const notInitialized = {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.join(" ")}]`,
  };
  const facts: Omit<PodCondition, "lastTransitionTime">[] = [
    { type: "PodReadyToStartContainers", status: input.sandbox?.ready === true ? "True" : "False" },
    {
      type: "Initialized",
      ...(initialized || phase === "Succeeded"
        ? { status: "True", ...(phase === "Succeeded" ? { reason: "PodCompleted" } : {}) }
        : notInitialized),
    },
    { type: "Ready", ...ready },
    { type: "ContainersReady", ...containersReady },
    { type: "PodScheduled", status: "True" },
  ];
  return facts.map((fact) => withTransition(fact, pod, input.nowMs));
}

/** The time of the last change of `status` stays while it does. */
function withTransition(fact: Omit<PodCondition, "lastTransitionTime">, pod: Pod, nowMs: number): PodCondition {
  const known = pod.status?.conditions?.find((one) => one.type === fact.type);
  const time = known?.status === fact.status ? known.lastTransitionTime : undefined;
  return { ...fact, lastTransitionTime: time ?? timeText(nowMs) };
}
