// The way of one container from its spec to a running process: image, environment, mounts, create, start, postStart. Every
// step that fails leaves the reason that the container's status shows.
import type { Container, ObjectReference, Pod, Service } from "@triarch/api";
import type { Clock } from "@triarch/base";
import type { EventRecorder } from "@triarch/client";
import type { Lister } from "@triarch/informer";
import type { ContainerRuntime, Sandbox } from "@triarch/runtime-hollow";
import { containerConfig } from "../containers/container-config.ts";
import { ConfigError, type ConfigSource } from "../containers/config-source.ts";
import type { NodeFacts } from "../containers/downward-api.ts";
import { environment } from "../containers/environment.ts";
import { runCheck } from "../probes/probe-check.ts";
import type { PodFiles } from "../volumes/pod-files.ts";
import { ensureImage, ImageError } from "./images.ts";
import type { RestartBackoff } from "./restart-backoff.ts";

/** What all workers share. */
export interface PodContext {
  readonly runtime: ContainerRuntime;
  /** Absent for runtimes that run nothing: no volumes are made. */
  readonly files: PodFiles | undefined;
  readonly source: ConfigSource;
  readonly services: Lister<Service>;
  readonly node: NodeFacts;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
}

export interface Waiting {
  readonly reason: string;
  readonly message: string;
}

const hookTimeoutMs = 60_000;

/** @returns undefined when it runs, else why it does not */
export async function startContainer(
  context: PodContext,
  options: {
    readonly pod: Pod;
    readonly container: Container;
    readonly attempt: number;
    readonly sandbox: Sandbox;
    readonly imageBackoff: RestartBackoff;
  },
): Promise<Waiting | undefined> {
  const { runtime, clock, recorder } = context;
  const { pod, container, sandbox } = options;
  const about = podReference(pod, container.name);
  const tell = (type: "Normal" | "Warning", reason: string, message: string): void =>
    recorder.event(about, type, reason, message);
  const fail = (reason: string, error: unknown): Waiting => {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ImageError)) tell("Warning", "Failed", `Error: ${message}`);
    return { reason, message };
  };
  try {
    await ensureImage({ runtime, container, backoff: options.imageBackoff, nowMs: clock.nowMs(), tell });
  } catch (error) {
    return fail(error instanceof ImageError ? error.reason : "ErrImagePull", error);
  }
  let id: string;
  try {
    id = await create(context, options);
  } catch (error) {
    return fail(error instanceof ConfigError ? "CreateContainerConfigError" : "CreateContainerError", error);
  }
  tell("Normal", "Created", `Container created: ${container.name}`);
  try {
    await runtime.startContainer(id);
  } catch (error) {
    return fail("RunContainerError", error);
  }
  tell("Normal", "Started", `Container started: ${container.name}`);
  const hook = container.lifecycle?.postStart;
  if (hook === undefined) return undefined;
  if (hook.sleep !== undefined) return undefined;
  const target = { container, containerId: id, podIp: sandbox.ip ?? "", runtime };
  const result = await runCheck(hook, target, hookTimeoutMs);
  if (result.ok) return undefined;
  tell("Warning", "FailedPostStartHook", `PostStartHook failed: ${result.failure}`);
  await runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 30);
  return { reason: "PostStartHookError", message: result.failure };
}

async function create(
  context: PodContext,
  options: { readonly pod: Pod; readonly container: Container; readonly attempt: number; readonly sandbox: Sandbox },
): Promise<string> {
  const { pod, container, attempt, sandbox } = options;
  const env = await environment({
    pod,
    container,
    podIp: sandbox.ip ?? context.node.hostIp,
    node: context.node,
    source: context.source,
    services: context.services.list(),
  });
  const mounts = context.files?.mounts(pod, container, env) ?? [];
  await context.files?.makeSubPaths(mounts);
  return context.runtime.createContainer(sandbox, containerConfig({ pod, container, attempt, env, mounts }));
}

export function podReference(pod: Pod, containerName?: string): ObjectReference {
  const init = pod.spec?.initContainers?.some((one) => one.name === containerName) === true;
  return {
    apiVersion: "v1",
    kind: "Pod",
    namespace: pod.metadata?.namespace ?? "",
    name: pod.metadata?.name ?? "",
    uid: pod.metadata?.uid ?? "",
    ...(containerName === undefined
      ? {}
      : { fieldPath: `spec.${init ? "initContainers" : "containers"}{${containerName}}` }),
  };
}
