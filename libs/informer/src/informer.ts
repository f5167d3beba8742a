// The reflector and the informer around it: list, then watch from the list's revision; after any break watch again, on
// whatever master answers, from the last revision seen. Only when that revision is gone (410) everything is listed anew,
// and the difference to what was known is told as events.
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Rng } from "@triarch/base";
import {
  ApiError,
  type KubeClient,
  type KubeObject,
  type ListOptions,
  type ObjectList,
  type ResourceRef,
} from "@triarch/client";
import type { Logger } from "@triarch/telemetry";
import { Indexer, objectKey, type IndexFunction } from "./indexer.ts";
import type { Informer, InformerEvent, Lister } from "./types.ts";

/** Objects per page of the list. */
const pageSize = 500;
/** Wait after a failure, doubling, with jitter. */
const backoffFirstMs = 50;
const backoffMaxMs = 10_000;
/** A watch is asked to end after this time, up to twice as long. */
const watchSeconds = 300;

export interface InformerOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly ref: ResourceRef;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly select?: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">;
  readonly indexers?: Readonly<Record<string, IndexFunction<T>>>;
  readonly logger?: Logger;
}

export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  return new ReflectedInformer(options);
}

class ReflectedInformer<T extends KubeObject> implements Informer<T> {
  readonly #options: InformerOptions<T>;
  readonly #indexer: Indexer<T>;
  readonly #handlers: ((event: InformerEvent<T>) => void)[] = [];
  #synced = false;
  /** Where the next watch starts; undefined: list first. */
  #resourceVersion: string | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#indexer = new Indexer(options.indexers);
  }

  get lister(): Lister<T> {
    return this.#indexer;
  }

  get hasSynced(): boolean {
    return this.#synced;
  }

  onChange(handler: (event: InformerEvent<T>) => void): void {
    this.#handlers.push(handler);
    for (const object of this.#indexer.list()) handler({ type: "added", object });
  }

  start(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("stopped before the first list")), { once: true });
      this.#run(signal, resolve).catch(reject);
    });
  }

  async #run(signal: AbortSignal, onSynced: () => void): Promise<void> {
    const { rng, ref, logger } = this.#options;
    let backoffMs = backoffFirstMs;
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) {
          await this.#list(signal);
          this.#synced = true;
          onSynced();
        }
        const seen = this.#resourceVersion;
        await this.#watch(signal);
        if (this.#resourceVersion !== seen) backoffMs = backoffFirstMs;
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error)) this.#resourceVersion = undefined;
        logger?.debug({ resource: ref.resource, error: String(error) }, "watch broke, going on");
      }
      if (signal.aborted) return;
      await delay(backoffMs * (0.5 + rng.next()), undefined, { signal }).catch(() => undefined);
      backoffMs = Math.min(backoffMaxMs, backoffMs * 2);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, ref, select } = this.#options;
    const found = new Map<string, T>();
    let page: ObjectList<T>;
    let next: string | undefined;
    do {
      page = await client.list<T>(ref, {
        ...select,
        limit: pageSize,
        signal,
        ...(next === undefined ? {} : { continue: next }),
      });
      for (const object of page.items) found.set(objectKey(object), object);
      next = page.metadata.continue === "" ? undefined : page.metadata.continue;
    } while (next !== undefined);
    for (const key of [...this.#indexer.keys()]) if (!found.has(key)) this.#remove(key);
    for (const [key, object] of found) this.#put(key, object);
    this.#resourceVersion = page.metadata.resourceVersion;
  }

  /** Returns when the server ends the watch as planned. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { client, ref, select, rng } = this.#options;
    const events = client.watch<T>(ref, {
      ...select,
      resourceVersion: this.#resourceVersion ?? "0",
      timeoutSeconds: watchSeconds + rng.int(watchSeconds),
      signal,
    });
    for await (const event of events) {
      switch (event.type) {
        case "ADDED":
        case "MODIFIED":
          this.#put(objectKey(event.object), event.object);
          break;
        case "DELETED":
          this.#remove(objectKey(event.object), event.object);
          break;
        case "BOOKMARK":
          break;
        case "ERROR":
          throw new ApiError(event.object.code ?? 500, event.object);
      }
      this.#resourceVersion = event.object.metadata?.resourceVersion ?? this.#resourceVersion;
    }
  }

  #put(key: string, object: T): void {
    const previous = this.#indexer.get(key);
    const version = object.metadata?.resourceVersion;
    if (previous !== undefined && version !== undefined && previous.metadata?.resourceVersion === version) return;
    this.#indexer.set(key, object);
    // The same name with another uid is another object: its predecessor is gone.
    if (previous !== undefined && previous.metadata?.uid !== object.metadata?.uid) {
      this.#emit({ type: "deleted", object: previous });
      this.#emit({ type: "added", object });
    } else {
      this.#emit(previous === undefined ? { type: "added", object } : { type: "updated", object, previous });
    }
  }

  #remove(key: string, last?: T): void {
    const previous = this.#indexer.delete(key);
    const object = last ?? previous;
    if (previous !== undefined && object !== undefined) this.#emit({ type: "deleted", object });
  }

  #emit(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) handler(event);
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 410 || error.reason === "Expired" || error.reason === "Gone");
}
