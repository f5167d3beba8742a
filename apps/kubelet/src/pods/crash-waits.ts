// Containers that ended and will be started again: counts their failures and tells why they wait.
import type { Container, Pod } from "@triarch/api";
import type { ContainerRecord } from "@triarch/runtime-hollow";
import type { Waiting } from "./container-starter.ts";
import { restarts } from "./pod-plan.ts";
import type { RestartBackoff } from "./restart-backoff.ts";

/**
 * Brings `waiting` up to date with what runs and what ended.
 * @param newest records by container name
 * @param tell gets each new back-off once
 */
export function noteCrashes(options: {
  readonly pod: Pod;
  readonly newest: ReadonlyMap<string, ContainerRecord>;
  readonly backoff: RestartBackoff;
  readonly waiting: Map<string, Waiting>;
  readonly tell: (containerName: string, message: string) => void;
}): void {
  const { pod, newest, backoff, waiting } = options;
  const podName = `${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})`;
  for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    const { name } = container;
    const state = newest.get(name)?.state;
    if (state?.kind === "running") waiting.delete(name);
    if (state?.kind !== "exited") continue;
    if (!restarts(restartPolicy(pod, container), state.exitCode)) {
      waiting.delete(name);
      continue;
    }
    backoff.fail(name, state.finishedAtMs);
    if (backoff.waitUntilMs(name) === undefined) continue;
    const message = `back-off ${durationText(backoff.delayMs(name))} restarting failed container=${name} pod=${podName}`;
    if (waiting.get(name)?.message !== message) {
      options.tell(name, `Back-off restarting failed container ${name} in pod ${podName}`);
    }
    waiting.set(name, { reason: "CrashLoopBackOff", message });
  }
}

/** Sidecars always come back; other init containers until they succeed. */
function restartPolicy(pod: Pod, container: Container): string {
  const policy = pod.spec?.restartPolicy ?? "Always";
  if (container.restartPolicy === "Always") return "Always";
  const init = pod.spec?.initContainers?.includes(container) === true;
  return init && policy === "Always" ? "OnFailure" : policy;
}

/** `10s`, `1m20s`, `5m0s` */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
