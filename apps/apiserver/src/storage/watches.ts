// How a client's watch begins: wait until the cache is fresh enough, gather what the client is to see first (the state,
// or the changes since its revision) and, in the same turn of the event loop, join the live changes. Nothing can come
// between, so there is neither gap nor duplicate.
import type { Caches } from "./caches.ts";
import { ClientWatch } from "./client-watch.ts";
import { readPoint, type ReadPoint } from "./resource-version.ts";
import { storageError } from "./store-failures.ts";
import type { StoredObject } from "./stored-object.ts";
import type { Selection, StoredResource, WatchEvent, WatchOptions, WatchSink, WatchSubscription } from "./types.ts";
import { tooOld, type WatchCache } from "./watch-cache.ts";
import { bookmarkEvent, EventViews, objectEvent, selects, type CacheEvent } from "./watch-events.ts";

/** A watch shorter than this ends without a last bookmark. */
export const lastBookmarkMinWatchMs = 2_000;

export interface WatchParts {
  readonly caches: Caches;
  readonly bufferEventsMax: number;
}

export function startWatch(
  parts: WatchParts,
  resource: StoredResource,
  options: WatchOptions,
  sink: WatchSink,
): WatchSubscription {
  const { caches } = parts;
  let cache: WatchCache | undefined;
  const watch = new ClientWatch({
    selection: options,
    allowBookmarks: options.allowBookmarks === true,
    sink,
    timers: caches.timers,
    bufferEventsMax: parts.bufferEventsMax,
    onDone: () => {
      cancelTimeout();
      options.signal?.removeEventListener("abort", close);
      caches.signal.removeEventListener("abort", stop);
      cache?.removeWatcher(watch);
    },
  });
  const close = (): void => watch.close();
  const stop = (): void => watch.end({ kind: "closed" });
  const timeout = (): void => {
    if (options.timeoutMs >= lastBookmarkMinWatchMs) cache?.bookmark(watch);
    watch.flush();
    watch.end({ kind: "timeout" });
  };
  const cancelTimeout = caches.timers.after(options.timeoutMs, timeout);
  options.signal?.addEventListener("abort", close, { once: true });
  caches.signal.addEventListener("abort", stop, { once: true });
  if (options.signal?.aborted === true) close();
  else {
    const join = (found: WatchCache, start: Start): void => {
      cache = found;
      found.addWatcher(watch);
      watch.begin(start.events, start.revision);
    };
    begin(caches, resource, options, watch, join).catch((error: unknown) => {
      watch.end({ kind: "failed", error: storageError(error) });
    });
  }
  return { resume: () => watch.resume(), close };
}

interface Start {
  readonly events: Iterator<WatchEvent>;
  /** The cache's when the events were taken; live changes follow after it. */
  readonly revision: number;
}

/** Nothing is awaited between taking the first events and `join`. */
async function begin(
  caches: Caches,
  resource: StoredResource,
  options: WatchOptions,
  watch: ClientWatch,
  join: (cache: WatchCache, start: Start) => void,
): Promise<void> {
  const point = readPoint(options.resourceVersion);
  const cache = caches.of(resource);
  const wantsState = options.sendInitialEvents ?? point.kind !== "revision";
  const resumeAfter = !wantsState && point.kind === "revision" ? point.revision : undefined;
  await caches.waitFor(cache, resumeAfter === undefined ? await leastRevision(caches, point) : 1);
  while (!watch.done) {
    const start = wantsState ? takeState(cache, options) : takeChanges(cache, options, resumeAfter ?? cache.revision);
    if (start !== undefined) return join(cache, start);
    if (!(await cache.extendHistory(resumeAfter ?? 0))) throw tooOld(resumeAfter ?? 0, cache.floor);
  }
}

async function leastRevision(caches: Caches, point: ReadPoint): Promise<number> {
  if (point.kind === "latest") return caches.barrier();
  return point.kind === "any" ? 1 : point.revision;
}

function takeState(cache: WatchCache, options: WatchOptions): Start {
  const withEnd = options.sendInitialEvents === true && options.allowBookmarks === true;
  const end = withEnd ? bookmarkEvent(cache.form.resource, cache.revision, true) : undefined;
  const objects = cache.list(options.namespace ?? "");
  return { events: stateEvents(objects, options, end), revision: cache.revision };
}

/** @returns undefined when some changes after `revision` are not at hand */
function takeChanges(cache: WatchCache, selection: Selection, revision: number): Start | undefined {
  const changes = cache.changesSince(revision);
  if (changes === undefined) return undefined;
  return { events: changeEvents(changes, selection), revision: Math.max(revision, cache.revision) };
}

function* stateEvents(
  objects: readonly StoredObject[],
  selection: Selection,
  end: WatchEvent | undefined,
): Generator<WatchEvent> {
  for (const object of objects) if (selects(selection, object)) yield objectEvent("ADDED", object);
  if (end !== undefined) yield end;
}

function* changeEvents(changes: readonly CacheEvent[], selection: Selection): Generator<WatchEvent> {
  for (const change of changes) {
    const event = new EventViews(change).for(selection);
    if (event !== undefined) yield event;
  }
}
