// Lists: from the cache whenever the cache has the state that is asked for, else from the store's history.
// All pages of one list show one revision. A first page comes from the cache; a later one too while nothing of the
// resource changed since, otherwise the store is read at the pinned revision. If that is compacted, 410 Expired carries
// a token with which the client may go on, inconsistently, at the state of now.
import { decodeContinue, encodeContinue } from "./continue-token.ts";
import { freshWaitMs, isCompacted, tooLarge, type Caches } from "./caches.ts";
import { StorageError } from "./errors.ts";
import { keyPrefix, objectKey } from "./keys.ts";
import { firstIndex } from "./chunked-map.ts";
import { readPoint } from "./resource-version.ts";
import { storageError } from "./store-failures.ts";
import type { StoredObject } from "./stored-object.ts";
import type { ListOptions, ListResult, Selection } from "./types.ts";
import type { WatchCache } from "./watch-cache.ts";
import { selects } from "./watch-events.ts";

/** Rows per request to the store. */
const storePageRows = 1_000;

/** Objects decoded for a selector of fields before others get their turn. */
const decodedPerTurn = 100;

interface Page {
  readonly selection: Selection;
  /** 0: no limit. */
  readonly limit: number;
  /** Relative to the list's prefix; "": from the start. */
  readonly after: string;
}

/** @throws StorageError "expired" | "invalidContinue" | "invalidResourceVersion" | "tooLargeResourceVersion" | … */
export async function listObjects(caches: Caches, cache: WatchCache, options: ListOptions): Promise<ListResult> {
  const limit = Math.max(options.limit ?? 0, 0);
  const token = options.continue ?? "";
  if (token !== "") {
    const { revision, after } = decodeContinue(token);
    const page: Page = { selection: options, limit, after };
    if (revision < 0) return latestPage(caches, cache, page);
    return exactPage(caches, cache, page, revision);
  }
  const page: Page = { selection: options, limit, after: "" };
  const point = readPoint(options.resourceVersion);
  switch (point.kind) {
    case "latest":
      return latestPage(caches, cache, page);
    case "any":
      await caches.waitFor(cache, 1);
      return fromCache(caches, cache, { ...page, limit: 0 }); // as Kubernetes: the cache answers whole
    case "revision": {
      const match = options.resourceVersionMatch ?? (limit > 0 ? "Exact" : "NotOlderThan");
      if (match === "Exact") return exactPage(caches, cache, page, point.revision);
      await caches.waitFor(cache, point.revision);
      return fromCache(caches, cache, page);
    }
  }
}

/** The state of now, linearizable. */
async function latestPage(caches: Caches, cache: WatchCache, page: Page): Promise<ListResult> {
  const revision = await caches.barrier();
  if (await cache.waitFor(revision, freshWaitMs)) return fromCache(caches, cache, page);
  return fromStore(caches, cache, page, revision);
}

async function exactPage(caches: Caches, cache: WatchCache, page: Page, revision: number): Promise<ListResult> {
  if (cache.isUnchangedSince(revision)) return fromCache(caches, cache, page, revision);
  return fromStore(caches, cache, page, revision);
}

/** Of the state at the call, whatever changes while it is looked through. */
async function fromCache(
  caches: Caches,
  cache: WatchCache,
  page: Page,
  revision = cache.revision,
): Promise<ListResult> {
  const { selection, limit, after } = page;
  const namespace = selection.namespace ?? "";
  const only = namespace === "" ? undefined : selection.fieldSelector?.exactly("metadata.name");
  const one = only === undefined ? undefined : cache.get({ namespace, name: only });
  const all = only === undefined ? cache.list(namespace) : one === undefined ? [] : [one];
  const start = after === "" ? 0 : firstIndex(all.length, (at) => relativeKey(all[at] as StoredObject, page) > after);
  if (!hasSelectors(selection)) {
    const items = start === 0 && limit === 0 ? all : all.slice(start, limit === 0 ? undefined : start + limit);
    return result(items, page, revision, all.length - start - items.length);
  }
  const items: StoredObject[] = [];
  const looksAtFields = selection.fieldSelector !== undefined;
  let decoded = 0;
  for (let at = start; at < all.length; at++) {
    const object = all[at] as StoredObject;
    if (looksAtFields && !object.knowsFields) {
      decoded += 1;
      if (decoded % decodedPerTurn === 0) await new Promise<void>((resolve) => void caches.timers.soon(resolve));
    }
    if (!selects(selection, object)) continue;
    items.push(object);
    if (items.length === limit) return result(items, page, revision, all.length - at - 1);
  }
  return result(items, page, revision, 0);
}

async function fromStore(caches: Caches, cache: WatchCache, page: Page, revision: number): Promise<ListResult> {
  const { selection, limit } = page;
  const { resource } = cache.form;
  const prefix = keyPrefix(resource, resource.namespaced ? selection.namespace : "");
  const items: StoredObject[] = [];
  let startAfter = page.after === "" ? undefined : prefix + page.after;
  for (;;) {
    const rowsMax =
      limit > 0 && !hasSelectors(selection) ? Math.min(limit - items.length, storePageRows) : storePageRows;
    const from = startAfter;
    const range = await caches
      .reading(() =>
        caches.store.list(prefix, { revision, limit: rowsMax, ...(from === undefined ? {} : { startAfter: from }) }),
      )
      .catch((error: unknown) => {
        throw explain(error, page, revision, cache);
      });
    for (const [at, row] of range.rows.entries()) {
      startAfter = row.key;
      if (objectKey(resource, row.key) === undefined) continue;
      const object = caches.read(cache, row);
      if (!selects(selection, object)) continue;
      items.push(object);
      if (items.length === limit) return result(items, page, revision, range.count - at - 1);
    }
    if (!range.more || range.rows.length === 0) return result(items, page, revision, 0);
  }
}

/** @param remaining keys after the last item, whether or not the selectors match them */
function result(items: readonly StoredObject[], page: Page, revision: number, remaining: number): ListResult {
  const last = items.at(-1);
  const base = { items, resourceVersion: String(revision) };
  if (remaining <= 0 || last === undefined) return base;
  const token = encodeContinue({ revision, after: relativeKey(last, page) });
  return hasSelectors(page.selection)
    ? { ...base, continue: token }
    : { ...base, continue: token, remainingItemCount: remaining };
}

function hasSelectors({ labelSelector, fieldSelector }: Selection): boolean {
  return [labelSelector, fieldSelector].some((one) => one !== undefined && one.matchesEverything !== true);
}

function relativeKey(object: StoredObject, { selection }: Page): string {
  const isWithin = object.namespace === "" || (selection.namespace ?? "") !== "";
  return isWithin ? object.name : `${object.namespace}/${object.name}`;
}

function explain(error: unknown, page: Page, revision: number, cache: WatchCache): StorageError {
  const cause = error instanceof StorageError ? error.cause : error;
  if (isCompacted(cause)) {
    if (page.after === "") {
      const message = "The resourceVersion for the provided list is too old.";
      return new StorageError({ code: "expired", message }, { cause });
    }
    const message =
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
      "deleted between the time the first chunk was returned and now may show up in the list.";
    const fresh = encodeContinue({ revision: -1, after: page.after });
    return new StorageError({ code: "expired", message, continue: fresh }, { cause });
  }
  const known = storageError(error);
  return known.failure.code === "tooLargeResourceVersion" ? tooLarge(revision, cache.revision) : known;
}
