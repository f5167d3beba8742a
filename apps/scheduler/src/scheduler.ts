// The scheduler's loop: takes a pod from the queue, decides on the state of the informers, binds, records. One pod at a
// time, so that each decision sees the one before, also before the API has told of it.
import { setTimeout as delay } from "node:timers/promises";
import type { Namespace, Node, ObjectReference, Pod, Service } from "@triarch/api";
import type { Clock, Rng } from "@triarch/base";
import { ApiError, resourceRefs, type EventRecorder, type KubeClient } from "@triarch/client";
import { objectKey, splitKey, type Informer, type InformerEvent } from "@triarch/informer";
import { buildSnapshot, hasEnded, schedule, type Snapshot } from "@triarch/scheduling";
import { Counter, Gauge, Histogram, type Logger, type Registry } from "@triarch/telemetry";
import { SchedulingQueue } from "./scheduling-queue.ts";

export const schedulerName = "default-scheduler";
/** A binding that no informer confirmed after this time is forgotten. */
const assumedMs = 30_000;

export interface SchedulerOptions {
  readonly client: KubeClient;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly services: Informer<Service>;
  readonly namespaces: Informer<Namespace>;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly registry: Registry;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #queue: SchedulingQueue;
  /** Pods that we bound and the informer does not show as bound yet. */
  readonly #assumed = new Map<string, { readonly pod: Pod; readonly untilMs: number }>();
  readonly #attempts: Counter;
  readonly #duration: Histogram;
  #wake: () => void = () => undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#queue = new SchedulingQueue(options.clock);
    const registers = [options.registry];
    this.#attempts = new Counter({
      name: "scheduler_schedule_attempts_total",
      help: "tries by result",
      labelNames: ["result"],
      registers,
    });
    this.#duration = new Histogram({
      name: "scheduler_scheduling_attempt_duration_seconds",
      help: "decision and binding of one pod",
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    });
    const queue = this.#queue;
    new Gauge({
      name: "scheduler_pending_pods",
      help: "pods that wait, by queue",
      labelNames: ["queue"],
      registers,
      collect() {
        for (const [name, length] of Object.entries(queue.lengths)) this.set({ queue: name }, length);
      },
    });
    options.pods.onChange((event) => this.#onPod(event));
    options.nodes.onChange((event) => {
      if (event.type !== "updated" || nodeFacts(event.object) !== nodeFacts(event.previous)) this.#moveAndWake();
    });
  }

  /** Decides until `signal` aborts. The informers must be synced. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const key = this.#queue.pop();
      if (key === undefined) await this.#waitForWork(signal);
      else await this.#scheduleOne(key);
    }
  }

  #onPod(event: InformerEvent<Pod>): void {
    const pod = event.object;
    const key = objectKey(pod);
    const bound = (pod.spec?.nodeName ?? "") !== "";
    if (bound || event.type === "deleted") this.#assumed.delete(key);
    if (event.type === "deleted" || bound || hasEnded(pod)) {
      this.#queue.delete(key);
      // Room was made, or a pod that others want to be near is there.
      if (event.type !== "updated" || hasEnded(pod) || (event.previous.spec?.nodeName ?? "") === "")
        this.#moveAndWake();
      return;
    }
    if (!isOurs(pod) || this.#assumed.has(key)) return;
    if (event.type === "updated" && specFacts(event.previous) !== specFacts(pod)) this.#queue.delete(key);
    this.#queue.add(key, pod.spec?.priority ?? 0);
    this.#wake();
  }

  #moveAndWake(): void {
    this.#queue.moveUnschedulable();
    this.#wake();
  }

  async #scheduleOne(key: string): Promise<void> {
    const { pods, rng, logger, recorder } = this.#options;
    const pod = pods.lister.get(key);
    if (pod === undefined || !isOurs(pod) || (pod.spec?.nodeName ?? "") !== "") {
      this.#queue.delete(key);
      return;
    }
    const end = this.#duration.startTimer();
    const decision = schedule(pod, this.#snapshot(), rng);
    if (decision.kind === "unschedulable") {
      this.#queue.failed(key, true);
      this.#attempts.inc({ result: "unschedulable" });
      recorder.event(referenceTo(pod), "Warning", "FailedScheduling", decision.message);
      await this.#markUnschedulable(pod, decision.message);
    } else {
      try {
        await this.#bind(pod, decision.nodeName);
        this.#queue.succeeded(key);
        this.#attempts.inc({ result: "scheduled" });
        recorder.event(referenceTo(pod), "Normal", "Scheduled", `Successfully assigned ${key} to ${decision.nodeName}`);
        logger.info({ pod: key, node: decision.nodeName }, "bound");
      } catch (error) {
        this.#assumed.delete(key);
        const gone = error instanceof ApiError && error.code === 404;
        if (gone) this.#queue.delete(key);
        else this.#queue.failed(key, false);
        this.#attempts.inc({ result: "error" });
        logger.warn({ pod: key, node: decision.nodeName, error: String(error) }, "binding failed");
      }
    }
    end();
  }

  #snapshot(): Snapshot {
    const { pods, nodes, services, namespaces, clock } = this.#options;
    const now = clock.monotonicMs();
    for (const [key, { untilMs }] of this.#assumed) if (untilMs < now) this.#assumed.delete(key);
    const known = pods.lister.list().map((pod) => this.#assumed.get(objectKey(pod))?.pod ?? pod);
    return buildSnapshot({
      nodes: nodes.lister.list(),
      pods: known,
      services: services.lister.list(),
      namespaceLabels: new Map(
        namespaces.lister.list().map((one) => [one.metadata?.name ?? "", one.metadata?.labels ?? {}]),
      ),
    });
  }

  async #bind(pod: Pod, nodeName: string): Promise<void> {
    const { client, clock } = this.#options;
    const key = objectKey(pod);
    const metadata = {
      name: pod.metadata?.name ?? "",
      namespace: pod.metadata?.namespace ?? "",
      uid: pod.metadata?.uid ?? "",
    };
    const assumed: Pod = pod.spec === undefined ? pod : { ...pod, spec: { ...pod.spec, nodeName } };
    this.#assumed.set(key, { pod: assumed, untilMs: clock.monotonicMs() + assumedMs });
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata,
      target: { apiVersion: "v1", kind: "Node", name: nodeName },
    };
    await client.createSubresource(resourceRefs.pods, metadata, "binding", binding);
  }

  async #markUnschedulable(pod: Pod, message: string): Promise<void> {
    const known = pod.status?.conditions?.find((one) => one.type === "PodScheduled");
    if (known?.status === "False" && known.reason === "Unschedulable" && known.message === message) return;
    const condition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastProbeTime: null,
      lastTransitionTime:
        known?.status === "False"
          ? known.lastTransitionTime
          : new Date(this.#options.clock.nowMs()).toISOString().replace(/\.\d+Z$/, "Z"),
    };
    try {
      await this.#options.client.patch(
        resourceRefs.pods,
        splitKey(objectKey(pod)),
        { status: { conditions: [condition] } },
        { type: "strategic", subresource: "status" },
      );
    } catch (error) {
      this.#options.logger.debug({ pod: objectKey(pod), error: String(error) }, "condition not written");
    }
  }

  async #waitForWork(signal: AbortSignal): Promise<void> {
    const next = this.#queue.nextWakeMs();
    const ms = next === undefined ? 60_000 : Math.max(1, next - this.#options.clock.monotonicMs());
    const wake = new AbortController();
    this.#wake = () => wake.abort();
    await delay(Math.min(ms, 60_000), undefined, { signal: AbortSignal.any([signal, wake.signal]) }).catch(
      () => undefined,
    );
    this.#wake = () => undefined;
  }
}

function isOurs(pod: Pod): boolean {
  const gated = (pod.spec?.schedulingGates ?? []).length > 0;
  return (
    (pod.spec?.schedulerName ?? schedulerName) === schedulerName &&
    !gated &&
    pod.metadata?.deletionTimestamp === undefined
  );
}

function referenceTo(pod: Pod): ObjectReference {
  const { namespace, name, uid, resourceVersion } = pod.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** What of a node matters for placing pods; heartbeats do not. */
function nodeFacts(node: Node): string {
  const { allocatable, images } = node.status ?? {};
  return JSON.stringify([node.metadata?.labels, node.spec, allocatable, images]);
}

function specFacts(pod: Pod): string {
  return JSON.stringify([pod.spec, pod.metadata?.labels]);
}
