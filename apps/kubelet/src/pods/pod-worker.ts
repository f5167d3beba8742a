// One pod: observe what runs, plan, act, report; again whenever something changed. A worker never runs two syncs at a time;
// what changes during one causes another. It ends when the pod is gone from the API and nothing of it is left here.
import { parseTime, type Pod } from "@triarch/api";
import type { PodRecord } from "@triarch/runtime-hollow";
import type { Logger } from "@triarch/telemetry";
import { ConfigError } from "../containers/config-source.ts";
import type { ProbeManager } from "../probes/probe-manager.ts";
import { podReference, startContainer, type PodContext, type Waiting } from "./container-starter.ts";
import { noteCrashes } from "./crash-waits.ts";
import { killPod, orphanGraceSeconds, stopContainer } from "./pod-killer.ts";
import { newestByName, planPod, running, type ObservedPod, type PodAction } from "./pod-plan.ts";
import { podStatus } from "./pod-status.ts";
import { RestartBackoff } from "./restart-backoff.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import type { StatusReporter } from "./status-reporter.ts";

/** Wait after a step that failed. */
const retryMs = 2_000;
/** ConfigMaps and Secrets are read again for volumes this often, and everything is looked at. */
const resyncMs = 60_000;
const graceSecondsUsual = 30;

export interface PodWorkerOptions {
  readonly context: PodContext;
  readonly uid: string;
  readonly reporter: StatusReporter;
  readonly logger: Logger;
  makeProbes(changed: () => void, pod: () => Pod | undefined): ProbeManager;
  /** Nothing is left to do: forget the worker. */
  finished(): void;
}

export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #probes: ProbeManager;
  readonly #backoff: RestartBackoff;
  readonly #imageBackoff: RestartBackoff;
  readonly #waiting = new Map<string, Waiting>();
  #pod: Pod | undefined;
  #goneFromApi = false;
  #dirty = false;
  #closed = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedAtMs: number | undefined;
  #filesAtMs = 0;
  /** The sandbox for which volumes were made. */
  #filesOf: string | undefined;
  #refreshed: Promise<void> | undefined;
  /** Nothing is made before (monotonic): what failed leaves events in the runtime that wake us at once. */
  #heldUntilMs = 0;

  constructor(options: PodWorkerOptions) {
    this.#options = options;
    this.#backoff = new RestartBackoff(options.context.clock, 1);
    this.#imageBackoff = new RestartBackoff(options.context.clock, 0);
    this.#probes = options.makeProbes(
      () => this.wake(),
      () => this.#pod,
    );
  }

  /** A new version from the API. */
  update(pod: Pod): void {
    const before = this.#pod?.metadata?.deletionGracePeriodSeconds;
    const now = pod.metadata?.deletionGracePeriodSeconds;
    this.#pod = pod;
    if (before !== undefined && now !== undefined && now < before) void this.#hurry(now);
    this.wake();
  }

  /** The API has no such pod (any more): what runs is ended and taken away. */
  remove(): void {
    this.#goneFromApi = true;
    this.wake();
  }

  wake(): void {
    this.#dirty = true;
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
      if (this.#dirty) this.wake();
    });
  }

  /** Lets containers run on; resolves when the current sync is over. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#probes.close();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      let wakeMs: number | undefined;
      try {
        wakeMs = await this.#sync();
      } catch (error) {
        this.#options.logger.warn({ uid: this.#options.uid, ...this.#name(), error: String(error) }, "pod sync failed");
        wakeMs = retryMs;
      }
      if (wakeMs === undefined || this.#closed) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.wake(), wakeMs);
    }
  }

  /** @returns milliseconds until the next look; undefined when there is nothing to wait for */
  async #sync(): Promise<number | undefined> {
    const pod = this.#pod === undefined ? undefined : this.#options.reporter.newest(this.#pod);
    if (this.#goneFromApi || pod === undefined) return this.#clear(pod);
    if (pod.metadata?.deletionTimestamp !== undefined) return this.#terminate(pod, undefined);
    const deadlineMs = this.#deadlineMs(pod);
    const { context } = this.#options;
    const failed = {
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    };
    const isOver = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    if (!isOver && deadlineMs !== undefined && context.clock.nowMs() >= deadlineMs) return this.#terminate(pod, failed);

    const record = await context.runtime.getPod(this.#options.uid);
    if (isOver) {
      if ((record?.sandboxes.length ?? 0) > 0) await killPod(context, this.#options.uid, pod, grace(pod));
      return undefined;
    }
    this.#observe(pod, record);
    const observed = this.#observed(record);
    const plan = planPod(pod, observed);
    this.#report(pod, record);
    const heldMs = this.#heldUntilMs - context.clock.monotonicMs();
    const actions = plan.actions.filter((one) => heldMs <= 0 || !makes(one));
    let failedStep = false;
    for (const action of actions) {
      const ok = await this.#perform(pod, record, action);
      failedStep ||= !ok;
    }
    if (failedStep) this.#heldUntilMs = context.clock.monotonicMs() + retryMs;
    if (actions.length > 0) {
      const after = await context.runtime.getPod(this.#options.uid);
      this.#observe(pod, after);
      this.#report(pod, after);
      if (!failedStep) this.#dirty = true;
    } else {
      this.#refreshed ??= this.#refreshFiles(pod, record).finally(() => (this.#refreshed = undefined));
    }
    const untils = [plan.wakeAtMs, deadlineMs].filter((one) => one !== undefined);
    const waitMs = Math.min(...untils) - context.clock.nowMs();
    const againMs = failedStep ? retryMs : actions.length < plan.actions.length ? heldMs : resyncMs;
    return Math.min(againMs, Math.max(0, waitMs));
  }

  #observe(pod: Pod, record: PodRecord | undefined): void {
    const { clock, runtime } = this.#options.context;
    this.#startedAtMs ??= parseTime(pod.status?.startTime ?? "") ?? clock.nowMs();
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    noteCrashes({
      pod,
      newest: newestByName(record?.containers ?? []),
      backoff: this.#backoff,
      waiting: this.#waiting,
      tell: (name, message) =>
        this.#options.context.recorder.event(podReference(pod, name), "Warning", "BackOff", message),
    });
    const podIp = record?.sandboxes[0]?.ip ?? "";
    this.#probes.sync(
      running(record?.containers ?? []).flatMap((one) => {
        const container = containers.find(({ name }) => name === one.name);
        return container === undefined ? [] : [{ container, containerId: one.id, podIp, runtime }];
      }),
    );
  }

  #observed(record: PodRecord | undefined): ObservedPod {
    return {
      sandboxes: record?.sandboxes ?? [],
      containers: record?.containers ?? [],
      probe: (id) => this.#probes.outcome(id),
      waitUntilMs: (name) => this.#backoff.waitUntilMs(name),
    };
  }

  /** @returns false when it has to be tried again later */
  async #perform(pod: Pod, record: PodRecord | undefined, action: PodAction): Promise<boolean> {
    const { context, uid } = this.#options;
    switch (action.kind) {
      case "removeSandbox":
        await context.runtime.removeSandbox(action.id);
        return true;
      case "removeContainer":
        await context.runtime.removeContainer(action.id);
        return true;
      case "tearDown":
        await killPod(context, uid, pod, grace(pod));
        return true;
      case "stopContainer": {
        const untilMs = context.clock.monotonicMs() + grace(pod) * 1000;
        const podIp = record?.sandboxes[0]?.ip ?? "";
        await stopContainer(context, { pod, record: action.record, podIp, untilMs, reason: action.reason });
        return true;
      }
      case "createSandbox":
        return this.#createSandbox(pod, action.attempt);
      case "startContainer": {
        const [sandbox] = record?.sandboxes ?? [];
        if (sandbox === undefined) return false;
        // Once per sandbox: a restart must not need the API. Changes come by `#refreshFiles`.
        if (this.#filesOf !== sandbox.id) {
          const podIp = sandbox.ip ?? "";
          const adopted = await context.files?.isPrepared(pod, podIp);
          if (adopted !== true && !(await this.#prepareFiles(pod, podIp))) return false;
          this.#filesOf = sandbox.id;
        }
        const { container, attempt } = action;
        const imageBackoff = this.#imageBackoff;
        const waiting = await startContainer(context, { pod, container, attempt, sandbox, imageBackoff });
        if (waiting !== undefined) this.#waiting.set(container.name, waiting);
        else this.#waiting.delete(container.name);
        return waiting === undefined;
      }
    }
  }

  async #createSandbox(pod: Pod, attempt: number): Promise<boolean> {
    const { context } = this.#options;
    try {
      await context.runtime.createSandbox(sandboxConfig(pod, attempt));
      return true;
    } catch (error) {
      const text = `Failed to create pod sandbox: ${error instanceof Error ? error.message : String(error)}`;
      context.recorder.event(podReference(pod), "Warning", "FailedCreatePodSandBox", text);
      this.#options.logger.warn({ ...this.#name(), error: String(error) }, "pod sandbox was not created");
      return false;
    }
  }

  async #prepareFiles(pod: Pod, podIp: string): Promise<boolean> {
    const { context } = this.#options;
    try {
      await context.files?.prepare(pod, podIp);
      this.#filesAtMs = context.clock.monotonicMs();
      return true;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      context.recorder.event(podReference(pod), "Warning", "FailedMount", `MountVolume.SetUp failed: ${error.message}`);
      return false;
    }
  }

  /** Volumes of running pods follow their ConfigMaps and Secrets; beside the syncs, which don't wait for the API. */
  async #refreshFiles(pod: Pod, record: PodRecord | undefined): Promise<void> {
    const { clock } = this.#options.context;
    if (clock.monotonicMs() - this.#filesAtMs < resyncMs) return;
    if (running(record?.containers ?? []).length === 0) return;
    try {
      await this.#prepareFiles(pod, record?.sandboxes[0]?.ip ?? "");
    } catch (error) {
      this.#options.logger.warn({ ...this.#name(), error: String(error) }, "volumes were not brought up to date");
    }
  }

  /** Ends the pod for good; once nothing runs the status is final, and a deleted pod may leave the API. */
  async #terminate(pod: Pod, failed: { reason: string; message: string } | undefined): Promise<number> {
    const { context, uid } = this.#options;
    this.#probes.close();
    await killPod(context, uid, pod, pod.metadata?.deletionGracePeriodSeconds ?? grace(pod));
    const record = await context.runtime.getPod(uid);
    this.#startedAtMs ??= parseTime(pod.status?.startTime ?? "") ?? context.clock.nowMs();
    this.#report(this.#pod ?? pod, record, { terminated: true, ...(failed === undefined ? {} : { failed }) });
    return resyncMs;
  }

  #report(
    pod: Pod,
    record: PodRecord | undefined,
    end: { readonly terminated: boolean; readonly failed?: { reason: string; message: string } } = {
      terminated: false,
    },
  ): void {
    const { context, reporter } = this.#options;
    const status = podStatus({
      pod: reporter.newest(pod),
      sandbox: record?.sandboxes[0],
      containers: record?.containers ?? [],
      probe: (id) => this.#probes.outcome(id),
      waiting: this.#waiting,
      scheme: context.runtime.scheme,
      hostIp: context.node.hostIp,
      startedAtMs: this.#startedAtMs ?? context.clock.nowMs(),
      nowMs: context.clock.nowMs(),
      ...end,
    });
    reporter.report(pod, status, end.terminated && end.failed === undefined);
  }

  async #clear(pod: Pod | undefined): Promise<undefined> {
    const { context, uid, reporter } = this.#options;
    this.#probes.close();
    const seconds = pod === undefined ? orphanGraceSeconds : (pod.metadata?.deletionGracePeriodSeconds ?? grace(pod));
    await killPod(context, uid, pod, seconds);
    const record = await context.runtime.getPod(uid);
    for (const container of record?.containers ?? []) await context.runtime.removeContainer(container.id);
    await this.#refreshed;
    await context.files?.remove(uid);
    reporter.forget(uid);
    this.#closed = true;
    this.#options.finished();
    return undefined;
  }

  /** A second deletion with a shorter grace period cuts the first one short. */
  async #hurry(graceSeconds: number): Promise<void> {
    const { context, uid, logger } = this.#options;
    try {
      const record = await context.runtime.getPod(uid);
      const alive = running(record?.containers ?? []);
      await Promise.all(alive.map((one) => context.runtime.stopContainer(one.id, graceSeconds)));
    } catch (error) {
      logger.warn({ ...this.#name(), error: String(error) }, "a shorter grace period could not be applied");
    }
  }

  #deadlineMs(pod: Pod): number | undefined {
    const seconds = pod.spec?.activeDeadlineSeconds;
    const startedAtMs = this.#startedAtMs ?? parseTime(pod.status?.startTime ?? "");
    return seconds === undefined || startedAtMs === undefined ? undefined : startedAtMs + seconds * 1000;
  }

  #name(): { readonly pod: string } {
    return { pod: `${this.#pod?.metadata?.namespace}/${this.#pod?.metadata?.name}` };
  }
}

function makes(action: PodAction): boolean {
  return action.kind === "createSandbox" || action.kind === "startContainer";
}

function grace(pod: Pod): number {
  return pod.spec?.terminationGracePeriodSeconds ?? graceSecondsUsual;
}
