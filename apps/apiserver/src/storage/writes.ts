// Optimistic writes: each names the revision it is based on, and the store refuses it if the object has moved on. An
// update begins with what the cache has (often good enough, and free) and only believes a refusal, an error or "nothing to
// do" once the object it was decided on is known to be fresh.
import { deepEqual, type JsonObject } from "@triarch/api";
import { StoreError, type StoreClient, type WriteOutcome } from "@triarch/etcd-server";
import type { Caches } from "./caches.ts";
import { StorageError } from "./errors.ts";
import { storeKey } from "./keys.ts";
import type { SharedLeases } from "./leases.ts";
import { encodeStored } from "./stored-form.ts";
import type { StoredObject } from "./stored-object.ts";
import type {
  Change,
  Decide,
  EncodedObject,
  ObjectKey,
  StoredResource,
  UpdateOptions,
  UpdateResult,
  WriteOptions,
} from "./types.ts";
import type { WatchCache } from "./watch-cache.ts";

/** Lost races after which an update gives up with "conflict". Each means that somebody else's write went through. */
export const updateAttemptsMax = 64;

export interface WriteParts {
  readonly caches: Caches;
  readonly leases: SharedLeases;
  readonly defaultTtlSeconds: (resource: StoredResource) => number;
}

/** @throws StorageError "alreadyExists" */
export async function createObject(
  parts: WriteParts,
  cache: WatchCache,
  key: ObjectKey,
  object: JsonObject,
  options: WriteOptions,
): Promise<EncodedObject> {
  if (options.dryRun === true) {
    if ((await parts.caches.latest(cache, key)) !== undefined) throw new StorageError({ code: "alreadyExists" });
    return cache.form.encode(key, object, 0);
  }
  const written = await put(parts, cache, key, object, 0, options);
  if ("conflict" in written) throw new StorageError({ code: "alreadyExists" });
  return written.object;
}

/** What an update or delete is decided on. */
interface Seen {
  readonly object: StoredObject | undefined;
  /** Read after the call began; otherwise the cache's, which may lag behind. */
  readonly isFresh: boolean;
}

/** @throws StorageError "notFound" | "precondition" | "conflict"; whatever `decide` throws about a fresh object */
export async function updateObject(
  parts: WriteParts,
  cache: WatchCache,
  key: ObjectKey,
  decide: Decide,
  options: UpdateOptions,
): Promise<UpdateResult> {
  let seen: Seen = { object: cache.get(key), isFresh: false };
  if (seen.object === undefined) seen = await refreshed(parts, cache, key);
  for (let attempt = 0; attempt < updateAttemptsMax; attempt++) {
    const decided = await consider(seen, decide, options);
    const change = "error" in decided ? undefined : effective(decided.change, seen.object);
    if (change === undefined) {
      if (!seen.isFresh) {
        seen = await refreshed(parts, cache, key);
        continue;
      }
      if ("error" in decided) throw decided.error;
      if (seen.object === undefined) throw new StorageError({ code: "notFound" });
      return { object: seen.object, outcome: "unchanged" };
    }
    const written = await write(parts, cache, key, seen.object, change, options);
    if ("object" in written) return written;
    const row = written.conflict.current;
    seen = { object: row === undefined ? undefined : parts.caches.read(cache, row), isFresh: true };
  }
  throw new StorageError({ code: "conflict" });
}

async function refreshed({ caches }: WriteParts, cache: WatchCache, key: ObjectKey): Promise<Seen> {
  return { object: await caches.latest(cache, key), isFresh: true };
}

async function consider(
  { object }: Seen,
  decide: Decide,
  options: UpdateOptions,
): Promise<{ readonly change: Change } | { readonly error: unknown }> {
  try {
    if (object === undefined && options.createIfAbsent !== true) throw new StorageError({ code: "notFound" });
    checkPreconditions(object, options);
    return { change: await decide(object) };
  } catch (error) {
    return { error };
  }
}

function checkPreconditions(object: StoredObject | undefined, { preconditions }: UpdateOptions): void {
  if (object === undefined || preconditions === undefined) return;
  const { uid, resourceVersion } = preconditions;
  if (uid !== undefined) {
    const metadata = object.object()["metadata"] as JsonObject;
    const found = typeof metadata["uid"] === "string" ? metadata["uid"] : "";
    if (found !== uid) throw new StorageError({ code: "precondition", field: "UID", wanted: uid, found });
  }
  const found = String(object.modRevision);
  if (resourceVersion !== undefined && found !== resourceVersion) {
    throw new StorageError({ code: "precondition", field: "ResourceVersion", wanted: resourceVersion, found });
  }
}

type EffectiveChange = Exclude<Change, { readonly kind: "none" }>;

/** @returns undefined when the change would leave everything as it is */
function effective(change: Change, current: StoredObject | undefined): EffectiveChange | undefined {
  switch (change.kind) {
    case "none":
      return undefined;
    case "delete":
      return current === undefined ? undefined : change;
    case "put":
      return current !== undefined && isSame(change.object, current.object()) ? undefined : change;
  }
}

/** Equal but for the resource version, which is not part of what is stored. */
function isSame(next: JsonObject, current: JsonObject): boolean {
  const { metadata: nextMetadata, ...nextRest } = next;
  const { metadata: currentMetadata, ...currentRest } = current;
  const { resourceVersion: _, ...left } = nextMetadata as JsonObject;
  const { resourceVersion: __, ...right } = currentMetadata as JsonObject;
  return deepEqual(left, right) && deepEqual(nextRest, currentRest);
}

type Conflict = { readonly conflict: Extract<WriteOutcome, { kind: "conflict" }> };

async function write(
  parts: WriteParts,
  cache: WatchCache,
  key: ObjectKey,
  current: StoredObject | undefined,
  change: EffectiveChange,
  options: UpdateOptions,
): Promise<UpdateResult | Conflict> {
  const expectedModRevision = current?.modRevision ?? 0;
  if (change.kind === "delete") {
    if (current === undefined) throw new StorageError({ code: "notFound" });
    if (options.dryRun === true) return { object: current, outcome: "deleted" };
    const request = { key: storeKey(cache.form.resource, key), expectedModRevision };
    const outcome = await parts.caches.writing(() => parts.caches.store.delete(request));
    if (outcome.kind === "conflict") return { conflict: outcome };
    return { object: current.at(outcome.revision), outcome: "deleted" };
  }
  const outcome = current === undefined ? "created" : "updated";
  if (options.dryRun === true) {
    return { object: cache.form.encode(key, change.object, expectedModRevision), outcome };
  }
  const written = await put(parts, cache, key, change.object, expectedModRevision, options);
  return "conflict" in written ? written : { object: written.object, outcome };
}

async function put(
  parts: WriteParts,
  cache: WatchCache,
  key: ObjectKey,
  object: JsonObject,
  expectedModRevision: number,
  options: WriteOptions,
): Promise<{ readonly object: StoredObject } | Conflict> {
  const value = encodeStored(cache.form.resource, object);
  const request = { key: storeKey(cache.form.resource, key), value, expectedModRevision };
  const ttlSeconds = options.ttlSeconds ?? parts.defaultTtlSeconds(cache.form.resource);
  const outcome = await parts.caches.writing(() =>
    ttlSeconds > 0 ? putWithLease(parts, request, ttlSeconds) : parts.caches.store.put(request),
  );
  if (outcome.kind === "conflict") return { conflict: outcome };
  const cached = cache.get(key);
  return { object: cached?.modRevision === outcome.revision ? cached : cache.form.read(key, value, outcome.revision) };
}

type PutRequest = Omit<Parameters<StoreClient["put"]>[0], "leaseId">;

async function putWithLease(
  { caches, leases }: WriteParts,
  request: PutRequest,
  ttlSeconds: number,
): Promise<WriteOutcome> {
  try {
    return await caches.store.put({ ...request, leaseId: await leases.lease(ttlSeconds) });
  } catch (error) {
    if (!(error instanceof StoreError) || error.failure.code !== "leaseNotFound") throw error;
    leases.forget(ttlSeconds);
    return caches.store.put({ ...request, leaseId: await leases.lease(ttlSeconds) });
  }
}
