// Keeps `metadata.managedFields` true on every write, and carries out server-side apply. The entry points of this folder:
//   trackCreate, trackUpdate   another manager's write, after defaults and before anything the server adds of its own
//   applyConfiguration         an apply: the object that results, with its owners
//   keepUnchangedTimes         the last step of an update: a write that changes nothing but a time changes nothing
// I1. An object without managed fields stays without until somebody applies to it; then all it has belongs to
//     `before-first-apply`. So objects from before and objects whose client reset the list work alike.
import type { JsonObject, JsonValue } from "../json.ts";
import {
  childOf,
  deepEqual,
  isList,
  isObject,
  type MutableObject,
  type MutableValue,
  objectAt,
} from "../meta/mutable.ts";
import { badRequest, failure, StatusError } from "../meta/status.ts";
import { timeText } from "../meta/time.ts";
import { decodingErrorText } from "../structure/findings.ts";
import { readStructure } from "../structure/structure.ts";
import { capUpdateManagers } from "./cap-managers.ts";
import { configurationErrors, configurationErrorText } from "./configuration-errors.ts";
import { conflictStatus } from "./conflicts.ts";
import { createdFields } from "./created-fields.ts";
import { conflictsBeyondLastApplied, followLastApplied, lastAppliedManager } from "./last-applied.ts";
import { ItemError } from "./list-items.ts";
import {
  isReset,
  managedFieldsOf,
  type ManagerName,
  type Managers,
  noManagers,
  readManagers,
  writeEntry,
  writeManagers,
} from "./managers.ts";
import { type Applied, applyOwned, ownersAfterUpdate } from "./ownership.ts";
import { type ManagedWrite, type ManagedScope, scopeOf } from "./managed-scope.ts";

/** Owner of all that an untracked object has when it is applied to for the first time. */
const beforeFirstApply = "before-first-apply";

/**
 * Makes the creator the owner of all that `object` has. Changes `object`.
 * @param object canonical, with defaults; managed fields that the client brought are built upon
 * Cost: O(object), without path sets unless the client brought managed fields.
 */
export function trackCreate(write: ManagedWrite, object: MutableObject): void {
  const scope = scopeOf(write);
  const given = managedFieldsOf(object);
  const brought = given === undefined || isReset(given) || write.subresource !== "" ? undefined : readManagers(given);
  const meta = childOf(object, "metadata");
  delete meta["managedFields"];
  const time = timeText(write.nowMs);
  if (brought !== undefined && brought.size > 0) {
    const update = {
      before: scope.zero,
      after: bare(object),
      managers: () => brought,
      self: selfOf(write, "Update"),
      time,
    };
    setManagers(object, capUpdateManagers(whereKnown(() => ownersAfterUpdate(scope, update)) ?? brought));
    return;
  }
  const fields = whereKnown(() => createdFields(scope.type, scope.zero, object, scope.exceptOnCreate));
  if (fields !== undefined) meta["managedFields"] = [writeEntry({ ...selfOf(write, "Update"), time }, fields)];
}

/** Undefined where an item of a list has no key: as in Kubernetes nobody becomes its owner, and validation will say more. */
function whereKnown<T>(work: () => T | undefined): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof ItemError) return undefined;
    throw error;
  }
}

/**
 * Gives the fields that `next` changes to the writer. Changes `next` alone.
 * @param next canonical, with defaults, with the managed fields that the client sent
 * @param old what is stored, as the writer's version shows it
 * Cost: O(objects); the entries are read only when something changed.
 */
export function trackUpdate(write: ManagedWrite, next: MutableObject, old: JsonObject): void {
  const base = baseOf(write, managedFieldsOf(next), managedFieldsOf(old));
  const meta = childOf(next, "metadata");
  delete meta["managedFields"];
  if (base === undefined) return;
  const update = {
    before: bare(old),
    after: bare(next),
    managers: () => readManagers(base) ?? noManagers,
    self: selfOf(write, "Update"),
    time: timeText(write.nowMs),
  };
  const owners = whereKnown(() => ownersAfterUpdate(scopeOf(write), update));
  if (owners === undefined) meta["managedFields"] = base as MutableValue;
  else setManagers(next, capUpdateManagers(owners));
}

/** The list an update builds upon: the client's, where it sends a readable one; undefined: none, nothing is tracked. */
function baseOf(
  write: ManagedWrite,
  given: JsonValue | undefined,
  stored: JsonValue | undefined,
): JsonValue | undefined {
  if (write.subresource === "" && given !== undefined) {
    if (isReset(given)) return undefined;
    const isStored = deepEqual(given, stored);
    if (!isStored && (readManagers(given)?.size ?? 0) > 0) return given;
  }
  return (readManagersCheaply(stored) ?? 0) > 0 ? stored : undefined;
}

/** How many entries there are; what can't be read counts as none. */
function readManagersCheaply(stored: JsonValue | undefined): number | undefined {
  if (!isList(stored)) return undefined;
  const isReadable = stored.every((entry) => isObject(entry) && entry["fieldsType"] === "FieldsV1");
  return isReadable ? stored.length : undefined;
}

export interface ApplyWrite extends ManagedWrite {
  readonly force: boolean;
}

/**
 * Server-side apply.
 * @param live what is stored, as the writer's version shows it; undefined: the apply creates
 * @param config as the client wrote it
 * @returns the canonical object, before defaults; shares nothing with `live`
 * @throws StatusError 400 (not this kind, managed fields in it), 409 (conflicts), 500 (does not fit the schema, as Kubernetes)
 * Cost: O(live + config + fields of all managers).
 */
export function applyConfiguration(write: ApplyWrite, live: JsonObject | undefined, config: JsonObject): MutableObject {
  checkConfiguration(write, scopeOf(write), config);
  try {
    return applyChecked(write, live, config);
  } catch (error) {
    if (!(error instanceof ItemError)) throw error;
    const text = `failed to create typed live object (${subject(write, live ?? {})}): ${error.message}`;
    throw new StatusError(failure(500, undefined, text), { cause: error });
  }
}

function applyChecked(write: ApplyWrite, live: JsonObject | undefined, config: JsonObject): MutableObject {
  const scope = scopeOf(write);
  const object = live === undefined ? {} : withoutManagedFields(live);
  const managers = live === undefined ? noManagers : liveManagers(write, scope, live);
  const self = selfOf(write, "Apply");
  const apply = { live: object, config, managers, self, force: write.force, time: timeText(write.nowMs) };
  let applied = applyOwned(scope, apply);
  if (applied.kind === "conflicts" && write.manager === lastAppliedManager) {
    const conflicts = conflictsBeyondLastApplied(scope, object, applied.conflicts);
    applied = conflicts.length === 0 ? applyOwned(scope, { ...apply, force: true }) : { kind: "conflicts", conflicts };
  }
  if (applied.kind === "conflicts") throw new StatusError(conflictStatus(applied.conflicts));
  return appliedObject(write, scope, object, config, applied);
}

function appliedObject(
  write: ApplyWrite,
  scope: ManagedScope,
  live: JsonObject,
  config: JsonObject,
  applied: Extract<Applied, { kind: "applied" }>,
): MutableObject {
  const { object, findings } = readStructure(scope.typeName, applied.object ?? live);
  const problem = decodingErrorText(findings, false);
  if (problem !== undefined) {
    throw new StatusError(
      failure(500, undefined, `failed to convert new typed object (${subject(write, config)}) to object: ${problem}`),
    );
  }
  object["kind"] = write.resource.kind;
  object["apiVersion"] = scope.apiVersion;
  setManagers(object, applied.managers);
  if (write.manager === lastAppliedManager) followLastApplied(object, config);
  return object;
}

function checkConfiguration(write: ApplyWrite, scope: ManagedScope, config: JsonObject): void {
  const [apiVersion, kind] = [config["apiVersion"], config["kind"]];
  if (apiVersion !== scope.apiVersion || kind !== write.resource.kind) {
    throw new StatusError(badRequest(`invalid object type: ${kindText(apiVersion)}, Kind=${kindText(kind)}`));
  }
  const given = managedFieldsOf(config);
  if (given !== undefined && given !== null) throw new StatusError(badRequest("metadata.managedFields must be nil"));
  const errors = configurationErrors(scope.type, config);
  if (errors.length === 0) return;
  const text = `failed to create typed patch object (${subject(write, config)}): ${configurationErrorText(errors)}`;
  throw new StatusError(failure(500, undefined, text));
}

function kindText(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** `default/web; apps/v1, Kind=Deployment`, by what the configuration says. */
function subject({ resource }: ManagedWrite, config: JsonObject): string {
  const meta = objectAt(config, "metadata");
  const name = `${kindText(meta?.["namespace"])}/${kindText(meta?.["name"])}`;
  return `${name}; ${kindText(config["apiVersion"])}, Kind=${resource.kind}`;
}

function liveManagers(write: ManagedWrite, scope: ManagedScope, live: JsonObject): Managers {
  const managers = readManagers(managedFieldsOf(live));
  if (managers === undefined) throw new StatusError(failure(500, undefined, "failed to decode managed fields"));
  if (managers.size > 0) return managers;
  const self = { ...selfOf(write, "Update"), manager: beforeFirstApply };
  const time = timeText(write.nowMs);
  const update = { before: scope.zero, after: bare(live), managers: () => noManagers, self, time };
  return ownersAfterUpdate(scope, update) ?? noManagers;
}

/** Where `next` differs from `old` in times of managed fields alone, the old times come back. Changes `next`. */
export function keepUnchangedTimes(next: MutableObject, old: JsonObject): void {
  const [mine, theirs] = [managedFieldsOf(next), managedFieldsOf(old)];
  if (mine === theirs || !isList(mine) || !isList(theirs) || mine.length !== theirs.length) return;
  const isSame = mine.every((entry, index) => deepEqual(withoutTime(entry), withoutTime(theirs[index])));
  if (isSame && deepEqual(bare(next), bare(old))) childOf(next, "metadata")["managedFields"] = theirs as MutableValue;
}

function withoutTime(entry: JsonValue | undefined): JsonValue | undefined {
  return isObject(entry) ? { ...entry, time: null } : entry;
}

function selfOf({ manager, resource, subresource }: ManagedWrite, operation: "Apply" | "Update"): ManagerName {
  return {
    manager: manager === "" ? "unknown" : manager,
    operation,
    apiVersion: scopeOf({ resource, subresource }).apiVersion,
    subresource,
  };
}

function setManagers(object: MutableObject, managers: Managers): void {
  const meta = childOf(object, "metadata");
  if (managers.size === 0) delete meta["managedFields"];
  else meta["managedFields"] = writeManagers(managers);
}

function withoutManagedFields(object: JsonObject): JsonObject {
  const { managedFields: _, ...meta } = objectAt(object, "metadata") ?? {};
  return { ...object, metadata: meta };
}

/** Without what nobody owns, so that a write that changes nothing else is seen to change nothing. */
function bare(object: JsonObject): JsonObject {
  const meta = objectAt(object, "metadata") ?? {};
  const kept: MutableObject = {};
  for (const key of Object.keys(meta)) if (!serverOwnMeta.has(key)) kept[key] = meta[key] as MutableValue;
  return { ...object, metadata: kept };
}

const serverOwnMeta: ReadonlySet<string> = new Set([
  "managedFields",
  "resourceVersion",
  "uid",
  "creationTimestamp",
  "generation",
]);
