// Parts for the tests of resource storage: resources, a sink that records, timers that a test fires.
import { ManualClock, utf8Text } from "@triarch/base";
import type { JsonObject } from "@triarch/api";
import { memoryStore, type MemoryStore } from "@triarch/etcd-server";
import {
  openResourceStore,
  StorageError,
  type ResourceStore,
  type ResourceStoreOptions,
} from "../src/storage/index.ts";
import type {
  FieldMatcher,
  LabelMatcher,
  StoredResource,
  Timers,
  WatchEnd,
  WatchEvent,
  WatchOptions,
  WatchSink,
  WatchSubscription,
} from "../src/storage/index.ts";

export const configMaps: StoredResource = {
  group: "",
  version: "v1",
  resource: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
  storagePrefix: "/registry/configmaps",
};

export const pods: StoredResource = { ...configMaps, resource: "pods", kind: "Pod", storagePrefix: "/registry/pods" };
export const events: StoredResource = {
  ...configMaps,
  resource: "events",
  kind: "Event",
  storagePrefix: "/registry/events",
};
export const nodes: StoredResource = {
  ...configMaps,
  resource: "nodes",
  kind: "Node",
  namespaced: false,
  storagePrefix: "/registry/minions",
};

export function configMap(
  namespace: string,
  name: string,
  rest: { readonly labels?: Readonly<Record<string, string>>; readonly data?: JsonObject; readonly uid?: string } = {},
): JsonObject {
  const { labels, data, uid } = rest;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace,
      ...(uid === undefined ? {} : { uid }),
      ...(labels === undefined ? {} : { labels }),
    },
    ...(data === undefined ? {} : { data }),
  };
}

export function pod(namespace: string, name: string, nodeName: string): JsonObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { nodeName } };
}

/** Fields of pods as their strategy gives them, cut down to what the tests select by. */
export function testFields(resource: StoredResource, object: JsonObject): Readonly<Record<string, string>> {
  const metadata = object["metadata"] as { readonly name: string; readonly namespace?: string };
  const spec = object["spec"] as { readonly nodeName?: string } | undefined;
  return {
    "metadata.name": metadata.name,
    ...(resource.namespaced ? { "metadata.namespace": metadata.namespace ?? "" } : {}),
    ...(resource.kind === "Pod" ? { "spec.nodeName": spec?.nodeName ?? "" } : {}),
  };
}

export function label(key: string, value: string): LabelMatcher {
  return { matches: (labels) => labels[key] === value };
}

export function field(name: string, value: string): FieldMatcher {
  return {
    matches: (fields) => fields[name] === value,
    exactly: (wanted) => (wanted === name ? value : undefined),
  };
}

/** Timers on a manual clock. `soon` is the real event loop: slices are not what tests decide. */
export class ManualTimers implements Timers {
  readonly clock: ManualClock;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  get waiting(): number {
    return this.#timers.length;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.clock.monotonicMs() + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  soon(run: () => void): () => void {
    const immediate = setImmediate(run);
    return () => clearImmediate(immediate);
  }

  /** Lets time pass and fires what is due, in order. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + byMs;
    for (;;) {
      await settle();
      const due = this.#timers.filter((one) => one.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== due);
      this.clock.advance(Math.max(due.atMs - this.clock.monotonicMs(), 0));
      due.run();
    }
    this.clock.advance(untilMs - this.clock.monotonicMs());
  }
}

/** Lets everything that is ready run: a few turns of the event loop. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export interface Fixture {
  readonly store: MemoryStore;
  readonly resources: ResourceStore;
  readonly timers: ManualTimers;
  /** Another API server on the same store. */
  readonly another: (options?: Partial<ResourceStoreOptions>) => ResourceStore;
  readonly close: () => Promise<void>;
}

export function openFixture(options: Partial<ResourceStoreOptions> = {}): Fixture {
  const clock = new ManualClock();
  const timers = new ManualTimers(clock);
  const store = memoryStore({ clock });
  const opened: ResourceStore[] = [];
  const another = (more: Partial<ResourceStoreOptions> = {}): ResourceStore => {
    const one = openResourceStore({ store, clock, timers, fieldsOf: testFields, ...options, ...more });
    opened.push(one);
    return one;
  };
  return {
    store,
    resources: another(),
    timers,
    another,
    close: async () => {
      for (const one of opened) await one.close();
      await store.close();
    },
  };
}

/** Records a watch as lines: `ADDED ns/name@revision`, `BOOKMARK @revision [end]`. */
export class Recorder implements WatchSink {
  readonly events: WatchEvent[] = [];
  ended: WatchEnd | undefined;
  idles = 0;
  /** Events it takes before it says that it is full. */
  roomFor = Infinity;
  subscription: WatchSubscription | undefined;
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  static on(resources: ResourceStore, resource: StoredResource, options: Partial<WatchOptions> = {}): Recorder {
    const recorder = new Recorder();
    recorder.subscription = resources.watch(resource, { timeoutMs: 3_600_000, ...options }, recorder);
    return recorder;
  }

  event(event: WatchEvent): boolean {
    if (this.ended !== undefined) throw new Error("an event after the end");
    this.events.push(event);
    this.roomFor -= 1;
    this.#wake();
    return this.roomFor > 0;
  }

  idle(): void {
    this.idles += 1;
  }

  end(end: WatchEnd): void {
    if (this.ended !== undefined) throw new Error("a second end");
    this.ended = end;
    this.#wake();
  }

  get lines(): string[] {
    return this.events.map((event) =>
      event.kind === "bookmark"
        ? `BOOKMARK @${event.revision}${event.initialEventsEnd ? " end" : ""}`
        : `${event.type} ${event.object.namespace}/${event.object.name}@${event.object.modRevision}`,
    );
  }

  count(events: number): Promise<void> {
    return this.#until(() => this.events.length >= events);
  }

  async finished(): Promise<WatchEnd | undefined> {
    await this.#until(() => this.ended !== undefined);
    return this.ended;
  }

  #until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ done }) => done());
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { resolve } of ready) resolve();
  }
}

/** The failure a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof StorageError) return error.failure;
    throw error;
  }
  throw new Error("it did not fail");
}

export function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(utf8Text(bytes));
}

export function names(list: {
  readonly items: readonly { readonly namespace: string; readonly name: string }[];
}): string[] {
  return list.items.map(({ namespace, name }) => (namespace === "" ? name : `${namespace}/${name}`));
}
