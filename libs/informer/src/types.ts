import type { KubeObject } from "@triarch/client";

export type InformerEvent<T> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "updated"; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly object: T };

/** A local copy of one resource, kept by list and watch. Handlers run synchronously, in order, after the indexer changed. */
export interface Informer<T extends KubeObject> {
  readonly lister: Lister<T>;
  onChange(handler: (event: InformerEvent<T>) => void): void;
  /** Starts the reflector; resolves once the first list is in the indexer. Stops when `signal` aborts. */
  start(signal: AbortSignal): Promise<void>;
  readonly hasSynced: boolean;
}

export interface Lister<T extends KubeObject> {
  /** `key` is `namespace/name`, or `name` for cluster-scoped resources. */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects for which the index function named `index` returned `value`. */
  byIndex(index: string, value: string): readonly T[];
}

/** Name of the built-in index over `metadata.namespace`. */
export const namespaceIndex = "namespace";

/**
 * A queue of keys: each key waits at most once and is never handed to two workers at a time; a key added while it is
 * worked on comes again afterwards. Rate-limited retries back off per key (5 ms doubling to 1000 s by default).
 */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  addRateLimited(key: string): void;
  forget(key: string): void;
  /** Resolves undefined when the queue was shut down and is empty. */
  next(): Promise<string | undefined>;
  done(key: string): void;
  readonly length: number;
  shutDown(): void;
}
