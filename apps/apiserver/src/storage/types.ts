// Resource storage as the HTTP side sees it: objects by namespace and name, lists, guaranteed updates and watches.
// Underneath are the replicated store and one watch cache per storage prefix. A resource version is the store's
// revision: one decimal integer, comparable over all resources and all masters.
import type { JsonObject, ResourceInfo } from "@triarch/api";
import type { StorageError } from "./errors.ts";

/** What storage needs to know of a resource. A resource that shares its prefix with another is passed as the stored one. */
export type StoredResource = Pick<
  ResourceInfo,
  "group" | "version" | "resource" | "kind" | "namespaced" | "storagePrefix"
>;

export interface ObjectKey {
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  readonly name: string;
}

export type SelectorValues = Readonly<Record<string, string>>;

/** A compiled label selector; `@triarch/api`'s is one. */
export interface LabelMatcher {
  /** Then a list counts as one without selectors. */
  readonly matchesEverything?: boolean;
  matches(labels: SelectorValues): boolean;
}

/** A compiled field selector; `@triarch/api`'s is one. */
export interface FieldMatcher {
  readonly matchesEverything?: boolean;
  matches(fields: SelectorValues): boolean;
  /** The one value that `field` must have, when the selector says so; indexes live on it. */
  exactly(field: string): string | undefined;
}

/** One version of one object. Immutable; shared by every list and watch that shows it. */
export interface EncodedObject extends ObjectKey {
  /** Zero for the result of a dry-run create: such an object has no resource version. */
  readonly modRevision: number;
  /** The whole object as JSON with `metadata.resourceVersion`. @throws StorageError "corrupt" */
  json(): Uint8Array;
  /** As `json()` without `{`, kind and apiVersion: an item of a typed list is `{` and this. @throws StorageError "corrupt" */
  itemTail(): Uint8Array;
  /** Decoded when asked for, and again when it was dropped meanwhile. Shared: never change it. @throws StorageError "corrupt" */
  object(): JsonObject;
  labels(): SelectorValues;
  /** What field selectors see. */
  fields(): SelectorValues;
}

export interface Selection {
  /** All namespaces when absent or empty. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: LabelMatcher | undefined;
  readonly fieldSelector?: FieldMatcher | undefined;
}

export interface GetOptions {
  /** Absent or "": linearizable. "0": whatever the cache has. N: not older than N. */
  readonly resourceVersion?: string | undefined;
}

/**
 * Which state a list shows, by Kubernetes' rules: no resourceVersion is linearizable, "0" is whatever the cache has,
 * N is "not older than" without a limit and exactly N with one, unless `resourceVersionMatch` says.
 * Combinations that Kubernetes forbids are refused by the HTTP side before.
 */
export interface ListOptions extends Selection, GetOptions {
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
  /** 0 or less: everything. */
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

export interface ListResult {
  /** In key order: by namespace, then name. */
  readonly items: readonly EncodedObject[];
  readonly resourceVersion: string;
  /** Where the next page starts; absent on the last page. */
  readonly continue?: string | undefined;
  /** Known only without selectors. */
  readonly remainingItemCount?: number | undefined;
}

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface WriteOptions {
  /** Nothing is written; the answer is what a write would have given. */
  readonly dryRun?: boolean | undefined;
  /** The object goes by itself after this time. Default: the resource's own (events: one hour), else never. */
  readonly ttlSeconds?: number | undefined;
}

export interface UpdateOptions extends WriteOptions {
  readonly preconditions?: Preconditions | undefined;
  /** True: an absent object is shown to `change` as undefined. Otherwise it is "notFound". */
  readonly createIfAbsent?: boolean | undefined;
}

/** What to do with the object that was shown. */
export type Change =
  { readonly kind: "put"; readonly object: JsonObject } | { readonly kind: "delete" } | { readonly kind: "none" };

/**
 * Decides on `current`. Runs again when `current` turns out to be stale, so it has no effect but its answer.
 * What it throws reaches the caller, once `current` is known to be fresh.
 */
export type Decide = (current: EncodedObject | undefined) => Change | Promise<Change>;

export interface UpdateResult {
  /** As stored now; after a delete the last state with the delete's revision. */
  readonly object: EncodedObject;
  /** "unchanged": the new object equals the stored one, so nothing was written and the version stays. */
  readonly outcome: "created" | "updated" | "unchanged" | "deleted";
}

export type WatchEvent =
  | {
      readonly kind: "object";
      readonly type: "ADDED" | "MODIFIED" | "DELETED";
      /** For DELETED: the last state (for a selector that no longer matches: the state before) with this event's revision. */
      readonly object: EncodedObject;
      /** The whole event as one line of JSON; made once for all watchers that get it. */
      line(): Uint8Array;
    }
  | {
      readonly kind: "bookmark";
      readonly revision: number;
      /** Annotated `k8s.io/initial-events-end: "true"`. */
      readonly initialEventsEnd: boolean;
      line(): Uint8Array;
    };

export type WatchEnd =
  /** The time asked for is over. */
  | { readonly kind: "timeout" }
  /** The server stops; the client goes on elsewhere from its last revision. */
  | { readonly kind: "closed" }
  /** The client read too slowly and its buffer is full: end the stream, the client resumes from its last revision. */
  | { readonly kind: "tooSlow" }
  /** Say it as an ERROR event, or as the answer when nothing was sent yet; "expired" is 410. */
  | { readonly kind: "failed"; readonly error: StorageError };

/** Who gets a watch's events. Calls come in order, never inside `watch()` itself, never after the end. */
export interface WatchSink {
  /** @returns false when full: no more events until `subscription.resume()` */
  event(event: WatchEvent): boolean;
  /** Once: from now on only live events come. */
  caughtUp?(): void;
  /** A good moment to flush: nothing more is waiting now. */
  idle?(): void;
  /** Not called after `subscription.close()`. */
  end(end: WatchEnd): void;
}

export interface WatchOptions extends Selection {
  /** Absent, "" or "0": the state comes first as ADDED events. N: the events after N. */
  readonly resourceVersion?: string | undefined;
  /** WatchList: true sends the state (not older than resourceVersion), then the initial-events-end bookmark. */
  readonly sendInitialEvents?: boolean | undefined;
  readonly allowBookmarks?: boolean | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface WatchSubscription {
  /** The sink has room again. */
  resume(): void;
  /** Ends the watch without a word to the sink. */
  close(): void;
}

/** All methods reject with `StorageError`, or with what `Decide` threw. */
export interface ResourceStore {
  /** @throws StorageError "alreadyExists" */
  create(resource: StoredResource, key: ObjectKey, object: JsonObject, options?: WriteOptions): Promise<EncodedObject>;
  /** @throws StorageError "notFound" */
  get(resource: StoredResource, key: ObjectKey, options?: GetOptions): Promise<EncodedObject>;
  list(resource: StoredResource, options?: ListOptions): Promise<ListResult>;
  /**
   * Reads (cache first), asks `decide`, writes if nobody else wrote meanwhile; else starts over with the newer object.
   * @throws StorageError "notFound" | "precondition" | "conflict" after `updateAttemptsMax` lost races
   */
  update(resource: StoredResource, key: ObjectKey, decide: Decide, options?: UpdateOptions): Promise<UpdateResult>;
  /** As `update`; without `decide` the object is deleted. `decide` may turn the delete into a put (finalizers, grace). */
  delete(resource: StoredResource, key: ObjectKey, decide?: Decide, options?: UpdateOptions): Promise<UpdateResult>;
  /** Failures come to the sink as its end, never as an exception. */
  watch(resource: StoredResource, options: WatchOptions, sink: WatchSink): WatchSubscription;
  /** Starts the caches of `resources` ahead of their first use; resolves when all have their first state. */
  start(resources: readonly StoredResource[], signal?: AbortSignal): Promise<void>;
  /** Objects in the cache, 0 when there is none yet; not linearizable. For first guesses of what a list costs. */
  count(resource: StoredResource): number;
  /** Undefined when every cache named to `start` has a state; else which has not, and why. For `/readyz`. */
  problem(): string | undefined;
  /** Ends all watches with "closed". */
  close(): Promise<void>;
}
