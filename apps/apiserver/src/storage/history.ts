// Changes from before a cache began, read from the store's own history. A watch that comes from another master, or from
// before a restart, thus goes on where it was instead of starting over with a list.
import type { StoreClient, StoreEvent } from "@triarch/etcd-server";
import { keyPrefix, objectKey } from "./keys.ts";
import type { ResourceForm, StoredObject } from "./stored-object.ts";
import { CacheEvent } from "./watch-events.ts";

/**
 * All changes of a resource with `after` < revision <= `upTo`.
 *
 * @returns "gone" when the store has compacted some of them or there are more than `eventsMax`; "broken" when the
 * store's watch failed otherwise, or on abort: another try may do
 */
export function readHistory(
  store: StoreClient,
  form: ResourceForm,
  range: { readonly after: number; readonly upTo: number; readonly eventsMax: number; readonly atMs: number },
  signal: AbortSignal,
): Promise<readonly CacheEvent[] | "gone" | "broken"> {
  const events: CacheEvent[] = [];
  const latest = new Map<string, StoredObject>();

  const add = (event: StoreEvent): void => {
    const change = readChange(form, event, latest.get(event.row.key), range.atMs);
    if (change === undefined) return;
    if (change.current === undefined) latest.delete(event.row.key);
    else latest.set(event.row.key, change.current);
    events.push(change);
  };

  return new Promise((resolve) => {
    const finish = (result: readonly CacheEvent[] | "gone" | "broken"): void => {
      signal.removeEventListener("abort", abort);
      watch.close();
      resolve(result);
    };
    const abort = (): void => finish("broken");
    const watch = store.watch(keyPrefix(form.resource), range.after + 1, {
      onEvents: (batch) => {
        for (const event of batch) {
          if (event.row.modRevision > range.upTo) return finish(events);
          add(event);
        }
        if (events.length > range.eventsMax) finish("gone");
      },
      onProgress: (revision) => {
        if (revision >= range.upTo) finish(events);
      },
      onEnd: (failure) => finish(failure.code === "compacted" ? "gone" : "broken"),
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}

/**
 * One store event as a change of an object.
 *
 * @param known the object's state before, if it is at hand; else it is read from the event
 * @returns undefined for keys that are not of this resource, and for the end of something that never was
 */
export function readChange(
  form: ResourceForm,
  event: StoreEvent,
  known: StoredObject | undefined,
  atMs: number,
): CacheEvent | undefined {
  const key = objectKey(form.resource, event.row.key);
  if (key === undefined) return undefined;
  const before = event.previous;
  const previous = known ?? (before === undefined ? undefined : form.read(key, before.value, before.modRevision));
  const revision = event.row.modRevision;
  const current = event.kind === "put" ? form.read(key, event.row.value, revision) : undefined;
  return current === undefined && previous === undefined
    ? undefined
    : new CacheEvent({ revision, current, previous, atMs });
}
