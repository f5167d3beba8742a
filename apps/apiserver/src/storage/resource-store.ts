// Opens resource storage on a store: wiring of caches, writes, lists and watches. See types.ts for what it promises.
import { systemClock, type Clock } from "@triarch/base";
import type { JsonObject } from "@triarch/api";
import type { StoreClient } from "@triarch/etcd-server";
import { Caches } from "./caches.ts";
import { watchBufferEventsMax } from "./client-watch.ts";
import { StorageError } from "./errors.ts";
import type { EventRingLimits } from "./event-ring.ts";
import { SharedLeases } from "./leases.ts";
import { listObjects } from "./lists.ts";
import { readPoint } from "./resource-version.ts";
import type { DecodeForeign } from "./stored-form.ts";
import type { FieldsOf } from "./stored-object.ts";
import { systemTimers, type Timers } from "./timers.ts";
import type {
  Decide,
  EncodedObject,
  GetOptions,
  ListOptions,
  ListResult,
  ObjectKey,
  ResourceStore,
  StoredResource,
  UpdateOptions,
  UpdateResult,
  WatchOptions,
  WatchSink,
  WatchSubscription,
  WriteOptions,
} from "./types.ts";
import { startWatch } from "./watches.ts";
import { createObject, updateObject, type WriteParts } from "./writes.ts";

/** Kubernetes keeps an event for an hour after it was last written. */
export const eventTtlSeconds = 3_600;

export interface ResourceStoreOptions {
  /** Stays the caller's: `close` does not close it. */
  readonly store: StoreClient;
  /** What field selectors see of an object: the kinds' strategies know. Default: name and namespace. */
  readonly fieldsOf?: FieldsOf;
  /** Reads values that a real cluster wrote; without it they are "corrupt". */
  readonly decodeForeign?: DecodeForeign;
  /** Loading or following a resource failed and is tried again. */
  readonly onTrouble?: (resource: StoredResource, failure: string) => void;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly ringLimits?: EventRingLimits;
  readonly watchBufferEventsMax?: number;
}

export function openResourceStore(options: ResourceStoreOptions): ResourceStore {
  return new CachedResourceStore(options);
}

class CachedResourceStore implements ResourceStore {
  readonly #caches: Caches;
  readonly #writes: WriteParts;
  readonly #bufferEventsMax: number;

  constructor(options: ResourceStoreOptions) {
    const { store } = options;
    const clock = options.clock ?? systemClock;
    this.#caches = new Caches({
      store,
      clock,
      timers: options.timers ?? systemTimers,
      fieldsOf: options.fieldsOf ?? nameFields,
      decodeForeign: options.decodeForeign,
      indexedFields: (resource) => indexedFields[resource.storagePrefix] ?? [],
      onTrouble: options.onTrouble ?? (() => undefined),
      ...(options.ringLimits === undefined ? {} : { ringLimits: options.ringLimits }),
    });
    this.#writes = {
      caches: this.#caches,
      leases: new SharedLeases(clock, (ttlSeconds) => store.leaseGrant(ttlSeconds)),
      defaultTtlSeconds: (resource) => (resource.storagePrefix === "/registry/events" ? eventTtlSeconds : 0),
    };
    this.#bufferEventsMax = options.watchBufferEventsMax ?? watchBufferEventsMax;
  }

  async create(
    resource: StoredResource,
    key: ObjectKey,
    object: JsonObject,
    options: WriteOptions = {},
  ): Promise<EncodedObject> {
    return createObject(this.#writes, this.#caches.of(resource), key, object, options);
  }

  async get(resource: StoredResource, key: ObjectKey, options: GetOptions = {}): Promise<EncodedObject> {
    const cache = this.#caches.of(resource);
    const point = readPoint(options.resourceVersion);
    if (point.kind !== "latest") await this.#caches.waitFor(cache, point.kind === "any" ? 1 : point.revision);
    const object = point.kind === "latest" ? await this.#caches.latest(cache, key) : cache.get(key);
    if (object === undefined) throw new StorageError({ code: "notFound" });
    return object;
  }

  async list(resource: StoredResource, options: ListOptions = {}): Promise<ListResult> {
    return listObjects(this.#caches, this.#caches.of(resource), options);
  }

  async update(
    resource: StoredResource,
    key: ObjectKey,
    decide: Decide,
    options: UpdateOptions = {},
  ): Promise<UpdateResult> {
    return updateObject(this.#writes, this.#caches.of(resource), key, decide, options);
  }

  async delete(
    resource: StoredResource,
    key: ObjectKey,
    decide: Decide = () => ({ kind: "delete" }),
    options: UpdateOptions = {},
  ): Promise<UpdateResult> {
    return this.update(resource, key, decide, options);
  }

  watch(resource: StoredResource, options: WatchOptions, sink: WatchSink): WatchSubscription {
    return startWatch({ caches: this.#caches, bufferEventsMax: this.#bufferEventsMax }, resource, options, sink);
  }

  async start(resources: readonly StoredResource[], signal?: AbortSignal): Promise<void> {
    const caches = resources.map((resource) => this.#caches.require(resource));
    while (signal?.aborted !== true && !this.#caches.signal.aborted) {
      const loaded = await Promise.all(caches.map((cache) => cache.waitFor(1, startPollMs)));
      if (loaded.every((isLoaded) => isLoaded)) return;
    }
    throw new StorageError({ code: "unavailable", message: this.problem() ?? "the server is stopping" });
  }

  count(resource: StoredResource): number {
    return this.#caches.find(resource)?.count ?? 0;
  }

  problem(): string | undefined {
    const waiting = this.#caches.firstMissing();
    return waiting === undefined ? undefined : `${waiting.form.resource.resource}: ${waiting.problem ?? ""}`;
  }

  close(): Promise<void> {
    return this.#caches.close();
  }
}

/** Fields by which many clients watch at once: every kubelet the pods of its node. */
const indexedFields: Readonly<Record<string, readonly string[]>> = { "/registry/pods": ["spec.nodeName"] };
/** How soon `start` sees that its signal has aborted. */
const startPollMs = 250;

function nameFields(resource: StoredResource, object: JsonObject): Readonly<Record<string, string>> {
  const { name, namespace } = object["metadata"] as { readonly name?: string; readonly namespace?: string };
  return resource.namespaced
    ? { "metadata.name": name ?? "", "metadata.namespace": namespace ?? "" }
    : { "metadata.name": name ?? "" };
}
