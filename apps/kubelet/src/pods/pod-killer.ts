// Ends what runs of a pod: preStop hooks, SIGTERM, the grace period, SIGKILL, then the sandbox with its network. Regular
// containers first, sidecars after them in reverse order, all within one grace period.
import { setTimeout as delay } from "node:timers/promises";
import type { Container, Pod } from "@triarch/api";
import type { ContainerRecord } from "@triarch/runtime-hollow";
import { runCheck } from "../probes/probe-check.ts";
import { podReference, type PodContext } from "./container-starter.ts";
import { running } from "./pod-plan.ts";

/** What a container gets after its hook used the grace period up. */
const graceAfterHookSeconds = 2;
/** For pods that nobody describes any more. */
export const orphanGraceSeconds = 10;

/** Level-based: what is stopped already is left, so it can be called again after a failure. */
export async function killPod(
  context: PodContext,
  uid: string,
  pod: Pod | undefined,
  graceSeconds: number,
): Promise<void> {
  const record = await context.runtime.getPod(uid);
  if (record === undefined) return;
  const untilMs = context.clock.monotonicMs() + graceSeconds * 1000;
  const podIp = record.sandboxes[0]?.ip ?? "";
  const stop = (one: ContainerRecord): Promise<void> => stopContainer(context, { pod, record: one, podIp, untilMs });
  const sidecarNames = (pod?.spec?.initContainers ?? [])
    .filter((one) => one.restartPolicy === "Always")
    .map((one) => one.name);
  const alive = running(record.containers);
  await Promise.all(alive.filter((one) => !sidecarNames.includes(one.name)).map(stop));
  for (const name of sidecarNames.reverse()) {
    await Promise.all(alive.filter((one) => one.name === name).map(stop));
  }
  for (const sandbox of record.sandboxes) await context.runtime.removeSandbox(sandbox.id);
}

/** @param reason text of the Killing event */
export async function stopContainer(
  context: PodContext,
  options: {
    readonly pod: Pod | undefined;
    readonly record: ContainerRecord;
    readonly podIp: string;
    /** Monotonic milliseconds. */
    readonly untilMs: number;
    readonly reason?: string;
  },
): Promise<void> {
  const { pod, record, untilMs } = options;
  const container = [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])].find(
    (one) => one.name === record.name,
  );
  if (pod !== undefined) {
    const text = options.reason ?? `Stopping container ${record.name}`;
    context.recorder.event(podReference(pod, record.name), "Normal", "Killing", text);
  }
  const leftMs = (): number => untilMs - context.clock.monotonicMs();
  if (pod !== undefined && container?.lifecycle?.preStop !== undefined && leftMs() > 0) {
    await preStop(context, { pod, container, record, podIp: options.podIp, timeoutMs: leftMs() });
  }
  const hooked = container?.lifecycle?.preStop !== undefined;
  const graceSeconds = Math.max(hooked ? graceAfterHookSeconds : 0, Math.ceil(leftMs() / 1000));
  await context.runtime.stopContainer(record.id, graceSeconds);
}

async function preStop(
  context: PodContext,
  options: {
    readonly pod: Pod;
    readonly container: Container;
    readonly record: ContainerRecord;
    readonly podIp: string;
    readonly timeoutMs: number;
  },
): Promise<void> {
  const { container, timeoutMs } = options;
  const hook = container.lifecycle?.preStop;
  if (hook === undefined) return;
  if (hook.sleep !== undefined) {
    await delay(Math.min(timeoutMs, hook.sleep.seconds * 1000));
    return;
  }
  const target = { container, containerId: options.record.id, podIp: options.podIp, runtime: context.runtime };
  const result = await runCheck(hook, target, timeoutMs);
  if (result.ok) return;
  const about = podReference(options.pod, container.name);
  context.recorder.event(about, "Warning", "FailedPreStopHook", `PreStopHook failed: ${result.failure}`);
}
