// What all controllers share: informers made once per resource, a queue of keys with workers, and the context they act in.
import type { ObjectReference, Pod } from "@triarch/api";
import type { Clock, Rng } from "@triarch/base";
import type { EventRecorder, KubeClient, KubeObject, ResourceRef } from "@triarch/client";
import {
  createInformer,
  createWorkQueue,
  runWorkers,
  type IndexFunction,
  type Informer,
  type WorkQueue,
} from "@triarch/informer";
import type { Now } from "@triarch/reconcile";
import { Counter, type Logger, type Registry } from "@triarch/telemetry";

/** Name of the index by the uid of an object's controller. */
export const controllerIndex = "controller";

/** Name of the index by the node that a pod is bound to. */
export const nodeIndex = "node";

export interface ControllerContext {
  readonly client: KubeClient;
  readonly informers: SharedInformers;
  readonly recorder: (component: string) => EventRecorder;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly options: ControllerOptions;
}

export interface ControllerOptions {
  readonly clusterCidr: string;
  /** PEM of the cluster's certificate authority, for pods; undefined: not published. */
  readonly rootCa: string | undefined;
  readonly nodeMonitorGracePeriodMs: number;
}

/** A controller registers its event handlers when built; `run` works until the signal aborts. */
export interface Controller {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

export type ControllerFactory = (context: ControllerContext) => Controller;

/** One informer per resource, whoever asks. All are started together, before any controller works. */
export class SharedInformers {
  readonly #base: { readonly client: KubeClient; readonly clock: Clock; readonly rng: Rng; readonly logger: Logger };
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(base: {
    readonly client: KubeClient;
    readonly clock: Clock;
    readonly rng: Rng;
    readonly logger: Logger;
  }) {
    this.#base = base;
  }

  /** Every informer has the indexes `namespace` and `controller`, that of pods `node` too. To be asked for before `start`. */
  get<T extends KubeObject>(ref: ResourceRef): Informer<T> {
    const key = keyOf(ref);
    const informer = this.#informers.get(key) ?? this.#create(ref);
    this.#informers.set(key, informer);
    return informer as unknown as Informer<T>;
  }

  /** After `start`: the shared informer where there is one, else one of the caller's own, which ends with `signal`. */
  open<T extends KubeObject>(ref: ResourceRef, signal: AbortSignal): Informer<T> {
    const shared = this.#informers.get(keyOf(ref));
    if (shared !== undefined) return shared as unknown as Informer<T>;
    const informer = this.#create(ref);
    informer.start(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#base.logger.error({ resource: ref.resource, error: String(error) }, "informer ended");
    });
    return informer as unknown as Informer<T>;
  }

  #create(ref: ResourceRef): Informer<KubeObject> {
    const byController: IndexFunction<KubeObject> = (object) =>
      (object.metadata?.ownerReferences ?? []).filter((one) => one.controller === true).map((one) => one.uid);
    const byNode: IndexFunction<KubeObject> = (object) => {
      const nodeName = (object as Pod).spec?.nodeName ?? "";
      return nodeName === "" ? [] : [nodeName];
    };
    const pods: Record<string, IndexFunction<KubeObject>> = ref.resource === "pods" ? { [nodeIndex]: byNode } : {};
    return createInformer<KubeObject>({ ...this.#base, ref, indexers: { [controllerIndex]: byController, ...pods } });
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((one) => one.start(signal)));
  }

  get synced(): boolean {
    return [...this.#informers.values()].every((one) => one.hasSynced);
  }
}

function keyOf(ref: ResourceRef): string {
  return `${ref.group}/${ref.resource}`;
}

/** A controller that works from a queue of keys. `reconcile` may return milliseconds after which it wants the key again. */
export function queueController(
  context: ControllerContext,
  name: string,
  options: { readonly concurrency: number; readonly reconcile: (key: string) => Promise<number | void> },
): Controller & { readonly queue: WorkQueue } {
  const queue = createWorkQueue();
  const logger = context.logger.child({ controller: name });
  const counter = reconcileCounter(context.registry);
  return {
    name,
    queue,
    async run(signal) {
      signal.addEventListener("abort", () => queue.shutDown(), { once: true });
      if (signal.aborted) queue.shutDown();
      await runWorkers(queue, {
        concurrency: options.concurrency,
        handler: async (key) => {
          const again = await options.reconcile(key);
          counter.inc({ controller: name, result: "done" });
          return again;
        },
        onError: (key, error) => {
          if (signal.aborted) return;
          counter.inc({ controller: name, result: "error" });
          logger.debug(
            { key, error: error instanceof Error ? error.message : String(error) },
            "reconcile failed, trying again",
          );
        },
      });
    },
  };
}

function reconcileCounter(registry: Registry): Counter {
  const name = "controller_reconcile_total";
  const known = registry.getSingleMetric(name);
  if (known instanceof Counter) return known;
  return new Counter({
    name,
    help: "reconciled keys by controller and result",
    labelNames: ["controller", "result"],
    registers: [registry],
  });
}

export function nowOf(clock: Clock): Now {
  const ms = clock.nowMs();
  return { ms, text: new Date(ms).toISOString().replace(/\.\d+Z$/, "Z") };
}

export function referenceTo(object: KubeObject, apiVersion: string, kind: string): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    apiVersion,
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}
