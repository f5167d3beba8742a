// All pods of the node: each change in the API or in the runtime goes to the worker of its pod. The runtime is also listed
// as a whole now and then: missed changes are found, and what belongs to no pod of the API is taken away.
import { setTimeout as delay } from "node:timers/promises";
import type { Pod } from "@triarch/api";
import type { Informer } from "@triarch/informer";
import type { Logger } from "@triarch/telemetry";
import { ProbeManager } from "../probes/probe-manager.ts";
import { podReference, type PodContext } from "./container-starter.ts";
import { PodWorker } from "./pod-worker.ts";
import type { StatusReporter } from "./status-reporter.ts";

const relistMs = 10_000;
/** Longest wait for syncs under way; a grace period or a pull may take longer, and the next kubelet goes on with it. */
const closeMs = 3_000;

export interface PodManagerOptions {
  readonly context: PodContext;
  /** Of this node's pods only. */
  readonly pods: Informer<Pod>;
  readonly reporter: StatusReporter;
  readonly logger: Logger;
}

export class PodManager {
  readonly #options: PodManagerOptions;
  /** By pod uid. */
  readonly #workers = new Map<string, PodWorker>();
  #fingerprints = new Map<string, string>();
  #started = false;

  constructor(options: PodManagerOptions) {
    this.#options = options;
    options.pods.onChange((event) => {
      if (!this.#started) return;
      if (event.type === "deleted") return this.#remove(event.object);
      // Deleted and made again between two looks.
      if (event.type === "updated" && event.previous.metadata?.uid !== event.object.metadata?.uid) {
        this.#remove(event.previous);
      }
      this.#update(event.object);
    });
  }

  get podCount(): number {
    return this.#workers.size;
  }

  /** Runs until the signal aborts; containers run on then. Needs a synced informer. */
  async run(signal: AbortSignal): Promise<void> {
    const { context, pods, logger } = this.#options;
    this.#started = true;
    for (const pod of pods.lister.list()) this.#update(pod);
    context.runtime.subscribe((uid) => this.#workers.get(uid)?.wake(), signal);
    while (!signal.aborted) {
      await this.#relist().catch((error: unknown) => {
        logger.warn({ error: String(error) }, "containers could not be listed");
      });
      await delay(relistMs, undefined, { signal }).catch(() => undefined);
    }
    const closed = Promise.all([...this.#workers.values()].map((worker) => worker.close()));
    await Promise.race([closed, delay(closeMs)]);
  }

  async #relist(): Promise<void> {
    const found = await this.#options.context.runtime.listPods();
    const known = new Set(this.#options.pods.lister.list().map((pod) => pod.metadata?.uid));
    for (const { pod, fingerprint } of found) {
      if (!known.has(pod.uid) && !this.#workers.has(pod.uid)) {
        this.#options.logger.info(
          { pod: `${pod.namespace}/${pod.name}`, uid: pod.uid },
          "containers of no pod: removed",
        );
        this.#worker(pod.uid).remove();
      } else if (this.#fingerprints.get(pod.uid) !== fingerprint) {
        this.#workers.get(pod.uid)?.wake();
      }
    }
    for (const uid of this.#fingerprints.keys()) {
      if (!found.some(({ pod }) => pod.uid === uid)) this.#workers.get(uid)?.wake();
    }
    this.#fingerprints = new Map(found.map(({ pod, fingerprint }) => [pod.uid, fingerprint]));
  }

  #update(pod: Pod): void {
    this.#worker(pod.metadata?.uid ?? "").update(pod);
  }

  #remove(pod: Pod): void {
    this.#workers.get(pod.metadata?.uid ?? "")?.remove();
  }

  #worker(uid: string): PodWorker {
    const known = this.#workers.get(uid);
    if (known !== undefined) return known;
    const { context, reporter, logger } = this.#options;
    const worker = new PodWorker({
      context,
      uid,
      reporter,
      logger,
      makeProbes: (changed, pod) =>
        new ProbeManager({
          changed,
          failed(container, kind, failure) {
            const about = pod();
            if (about === undefined) return;
            const name = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
            context.recorder.event(
              podReference(about, container.name),
              "Warning",
              "Unhealthy",
              `${name} probe failed: ${failure}`,
            );
          },
        }),
      finished: () => this.#workers.delete(uid),
    });
    this.#workers.set(uid, worker);
    return worker;
  }
}
