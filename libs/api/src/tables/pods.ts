// The table of pods. STATUS is the most telling thing that can be said about the pod in one word: a waiting or
// terminated container says more than the phase, a failing init container more than the others.
import type { Container, ContainerStatus, Pod } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { typed } from "../meta/mutable.ts";
import { parseTime } from "../meta/time.ts";
import { ageOf, ageText, nameOf, orNone } from "./cells.ts";
import { ageColumn, type KindTable, nameColumn, textColumn, wide } from "./table.ts";

export const podTable: KindTable = {
  columns: [
    nameColumn,
    textColumn("Ready", "Containers that are ready, of all that should run."),
    textColumn("Status", "Phase of the pod, or what keeps it from its phase."),
    textColumn("Restarts", "How often containers were started again, and when last."),
    ageColumn,
    wide(textColumn("IP", "Address of the pod.")),
    wide(textColumn("Node", "Node the pod is bound to.")),
    wide(textColumn("Nominated Node", "Node on which room is being made for the pod.")),
    wide(textColumn("Readiness Gates", "Readiness gates that are open, of all.")),
  ],
  cells: (object, nowMs) => {
    const pod = typed<Pod>(object);
    const { ready, total, reason, restarts, lastRestartMs } = podSummary(object);
    const since = restarts > 0 && lastRestartMs !== undefined ? ` (${ageText(nowMs - lastRestartMs)} ago)` : "";
    return [
      nameOf(object),
      `${ready}/${total}`,
      reason,
      `${restarts}${since}`,
      ageOf(object, nowMs),
      orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP),
      orNone(pod.spec?.nodeName),
      orNone(pod.status?.nominatedNodeName),
      gatesText(pod),
    ];
  },
  conditions: (object) => {
    const phase = typed<Pod>(object).status?.phase;
    if (phase !== "Succeeded" && phase !== "Failed") return [];
    const message = phase === "Succeeded" ? "The pod has completed successfully." : "The pod failed.";
    return [{ type: "Completed", status: "True", reason: phase, message }];
  },
};

export interface PodSummary {
  readonly ready: number;
  readonly total: number;
  /** What STATUS shows. */
  readonly reason: string;
  readonly restarts: number;
  readonly lastRestartMs: number | undefined;
}

export function podSummary(object: JsonObject): PodSummary {
  const { metadata, spec, status = {} } = typed<Pod>(object);
  const conditions = status.conditions ?? [];
  const isTrue = (type: string): boolean => conditions.some((one) => one.type === type && one.status === "True");
  const gated = conditions.some((one) => one.type === "PodScheduled" && one.reason === "SchedulingGated");
  const phaseReason = gated ? "SchedulingGated" : orEmpty(status.reason) || orEmpty(status.phase);

  const sidecars = new Set((spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const init = initSummary(status.initContainerStatuses ?? [], sidecars, spec?.initContainers?.length ?? 0);
  const total = (spec?.containers ?? []).length + sidecars.size;
  let { ready, restarts, lastRestartMs } = init;
  let reason = init.reason ?? phaseReason;

  if (init.reason === undefined || isTrue("Initialized")) {
    const main = mainSummary(status.containerStatuses ?? []);
    ready += main.ready;
    restarts = init.sidecarRestarts + main.restarts;
    lastRestartMs = latest(init.lastSidecarRestartMs, main.lastRestartMs);
    reason = main.reason ?? reason;
    // Some containers are done, others still run: the pod does.
    if (reason === "Completed" && main.hasRunning) reason = isTrue("Ready") ? "Running" : "NotReady";
  }
  if (metadata?.deletionTimestamp !== undefined) {
    const terminal = status.phase === "Succeeded" || status.phase === "Failed";
    if (status.reason === "NodeLost") reason = "Unknown";
    else if (!terminal) reason = "Terminating";
  }
  return { ready, total, reason, restarts, lastRestartMs };
}

interface InitSummary {
  /** Defined while the pod is not past its init containers. */
  readonly reason: string | undefined;
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestartMs: number | undefined;
  readonly sidecarRestarts: number;
  readonly lastSidecarRestartMs: number | undefined;
}

/** Goes through init containers in order, up to the first that is not done. */
function initSummary(statuses: readonly ContainerStatus[], sidecars: ReadonlySet<string>, count: number): InitSummary {
  let [ready, restarts, sidecarRestarts] = [0, 0, 0];
  let lastRestartMs: number | undefined;
  let lastSidecarRestartMs: number | undefined;
  let reason: string | undefined;
  for (const [i, status] of statuses.entries()) {
    const sidecar = sidecars.has(status.name);
    const restartMs = lastTermination(status);
    restarts += status.restartCount ?? 0;
    lastRestartMs = latest(lastRestartMs, restartMs);
    if (sidecar) {
      sidecarRestarts += status.restartCount ?? 0;
      lastSidecarRestartMs = latest(lastSidecarRestartMs, restartMs);
    }
    const { terminated, waiting } = status.state ?? {};
    if (terminated !== undefined && (terminated.exitCode ?? 0) === 0) continue;
    if (sidecar && status.started === true) {
      if (status.ready === true) ready++;
      continue;
    }
    if (terminated !== undefined) reason = `Init:${terminationText(terminated)}`;
    else if (orEmpty(waiting?.reason) !== "" && waiting?.reason !== "PodInitializing")
      reason = `Init:${waiting?.reason}`;
    else reason = `Init:${i}/${count}`;
    break;
  }
  return { reason, ready, restarts, lastRestartMs, sidecarRestarts, lastSidecarRestartMs };
}

interface MainSummary {
  readonly reason: string | undefined;
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestartMs: number | undefined;
  readonly hasRunning: boolean;
}

/** The first container with something to say gives the reason. */
function mainSummary(statuses: readonly ContainerStatus[]): MainSummary {
  let [ready, restarts, hasRunning] = [0, 0, false];
  let lastRestartMs: number | undefined;
  let reason: string | undefined;
  for (const status of statuses.toReversed()) {
    restarts += status.restartCount ?? 0;
    lastRestartMs = latest(lastRestartMs, lastTermination(status));
    const { waiting, terminated, running } = status.state ?? {};
    if (orEmpty(waiting?.reason) !== "") reason = waiting?.reason;
    else if (terminated !== undefined) reason = terminationText(terminated);
    else if (status.ready === true && running !== undefined) {
      hasRunning = true;
      ready++;
    }
  }
  return { reason, ready, restarts, lastRestartMs, hasRunning };
}

interface Termination {
  readonly reason?: string;
  readonly signal?: number;
  readonly exitCode?: number;
}

function terminationText({ reason, signal, exitCode }: Termination): string {
  if (orEmpty(reason) !== "") return orEmpty(reason);
  return (signal ?? 0) !== 0 ? `Signal:${signal ?? 0}` : `ExitCode:${exitCode ?? 0}`;
}

function lastTermination(status: ContainerStatus): number | undefined {
  const finishedAt = status.lastState?.terminated?.finishedAt;
  return finishedAt === undefined ? undefined : parseTime(finishedAt);
}

function latest(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.max(left, right);
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === "Always";
}

function gatesText({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const open = gates.filter(({ conditionType }) =>
    (status?.conditions ?? []).some((one) => one.type === conditionType && one.status === "True"),
  );
  return `${open.length}/${gates.length}`;
}

function orEmpty(text: string | undefined): string {
  return text ?? "";
}
