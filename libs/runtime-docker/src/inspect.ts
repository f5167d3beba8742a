// From Docker's inspect answers to records.
import type { ContainerInspectInfo } from "dockerode";
import type { ContainerRecord, ContainerRunState } from "@triarch/runtime-hollow";
import { labelNames, podOf } from "./labels.ts";

export function containerRecord(info: ContainerInspectInfo): ContainerRecord {
  const labels = info.Config.Labels;
  return {
    id: info.Id,
    pod: podOf(labels),
    sandboxId: labels[labelNames.sandbox] ?? "",
    name: labels[labelNames.container] ?? "",
    attempt: Number(labels[labelNames.attempt] ?? 0),
    image: labels[labelNames.image] ?? info.Config.Image,
    imageId: `docker://${info.Image}`,
    createdAtMs: timeMs(info.Created),
    state: runState(info),
  };
}

function runState(info: ContainerInspectInfo): ContainerRunState {
  const { State: state } = info;
  if (state.Running) return { kind: "running", startedAtMs: timeMs(state.StartedAt) };
  const neverStarted = timeMs(state.StartedAt) <= 0;
  if (neverStarted && state.Error === "") return { kind: "created" };
  const startedAtMs = neverStarted ? timeMs(info.Created) : timeMs(state.StartedAt);
  return {
    kind: "exited",
    startedAtMs,
    finishedAtMs: Math.max(timeMs(state.FinishedAt), startedAtMs),
    exitCode: state.ExitCode,
    reason: exitReason(state, neverStarted),
    ...(state.Error === "" ? {} : { message: state.Error }),
  };
}

function exitReason(state: ContainerInspectInfo["State"], neverStarted: boolean): string {
  if (neverStarted) return "ContainerCannotRun";
  if (state.OOMKilled) return "OOMKilled";
  return state.ExitCode === 0 ? "Completed" : "Error";
}

/** Docker writes the year 1 for "never". */
function timeMs(text: string): number {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
