// Who owns what after a write. An update takes the fields it changes from everybody. An apply takes what its configuration
// names: changing a field that somebody else owns is a conflict unless it is forced, naming a field with the value it has
// is sharing it, and what the manager named last time and does not name now goes, unless somebody else owns it.
import type { JsonObject } from "../json.ts";
import { deepCopy, deepEqual, type MutableObject } from "../meta/mutable.ts";
import type { ApplyMap } from "./apply-type.ts";
import { compareObjects, type Comparison, isSame } from "./compare.ts";
import type { Conflict } from "./conflicts.ts";
import { fieldSet } from "./field-set.ts";
import { type ManagerEntry, type ManagerId, managerId, type ManagerName, type Managers } from "./managers.ts";
import { mergeConfiguration } from "./merge.ts";
import { difference, emptyPathSet, intersection, isEmptySet, type PathSet, union } from "./path-set.ts";
import { collapseAtomic, removeFields, withNamedFields } from "./prune.ts";
import { identityFields, onlyTracked, type TrackedFields } from "./untracked-fields.ts";

/** How an object looks in another version. */
export interface ObjectVersion {
  readonly type: ApplyMap;
  convert(object: JsonObject): JsonObject;
}

export interface OwnershipScope {
  /** The version in which the write is made. */
  readonly apiVersion: string;
  readonly type: ApplyMap;
  readonly tracked: TrackedFields;
  /** Undefined: a version that is no more; what was owned in it is forgotten. */
  version(apiVersion: string): ObjectVersion | undefined;
}

export interface Update {
  readonly before: JsonObject;
  readonly after: JsonObject;
  /** Asked only when something changed: most entries need not be read then. */
  managers(): Managers;
  readonly self: ManagerName;
  /** RFC 3339 */
  readonly time: string;
}

type Working = Map<ManagerId, ManagerEntry>;

/**
 * The owners after an update; undefined when nothing changed.
 * Cost: O(objects + fields of all managers).
 */
export function ownersAfterUpdate(scope: OwnershipScope, update: Update): Managers | undefined {
  const { before, after, self, time } = update;
  const comparison = compareObjects(scope.type, before, after);
  if (isSame(comparison)) return undefined;
  const working = currentShape(scope, update.managers());
  settle(scope, working, { before, after, comparison });
  const taken = ownable(scope, union(comparison.modified, comparison.added));
  if (isEmptySet(taken)) return working;
  const id = managerId(self);
  const fields = union(taken, working.get(id)?.fields ?? emptyPathSet);
  working.set(id, { ...self, time, fields });
  return working;
}

export interface Apply {
  readonly live: JsonObject;
  readonly config: JsonObject;
  readonly managers: Managers;
  readonly self: ManagerName;
  readonly force: boolean;
  readonly time: string;
}

export type Applied =
  | { readonly kind: "conflicts"; readonly conflicts: readonly Conflict[] }
  /** `object` is undefined when it stays as it is. */
  | { readonly kind: "applied"; readonly object: MutableObject | undefined; readonly managers: Managers };

/** @param apply `live` without managed fields; `config` has passed `configurationErrors` */
export function applyOwned(scope: OwnershipScope, { live, config, managers, self, force, time }: Apply): Applied {
  const working = currentShape(scope, managers);
  const id = managerId(self);
  const last = working.get(id);
  const named = onlyTracked(fieldSet(scope.type, config), scope.tracked);
  working.set(id, { ...self, time: last?.time, fields: named });
  const merged = mergeConfiguration(scope.type, live, config);
  const next = last === undefined ? merged : withoutGivenUp(scope, merged, working, last);
  const comparison = compareObjects(scope.type, live, next);
  const conflicts = settle(scope, working, { before: live, after: next, comparison, applier: id, force });
  if (conflicts.length > 0) return { kind: "conflicts", conflicts };
  const isChanged = !deepEqual(live, next);
  const fields = difference(named, identityFields);
  if (isEmptySet(fields)) working.delete(id);
  else working.set(id, { ...self, time: isChanged ? time : last?.time, fields });
  return { kind: "applied", object: isChanged ? next : undefined, managers: working };
}

/** What a set of changes is worth to its manager. */
function ownable(scope: OwnershipScope, changed: PathSet): PathSet {
  return difference(onlyTracked(changed, scope.tracked), identityFields);
}

/** A copy, in which no set goes into what the schema now says is owned whole. */
function currentShape(scope: OwnershipScope, managers: Managers): Working {
  const working: Working = new Map();
  for (const [id, entry] of managers) {
    const type = entry.apiVersion === scope.apiVersion ? scope.type : scope.version(entry.apiVersion)?.type;
    const fields = type === undefined ? entry.fields : collapseAtomic(type, entry.fields);
    working.set(id, fields === entry.fields ? entry : { ...entry, fields });
  }
  return working;
}

interface Change {
  readonly before: JsonObject;
  readonly after: JsonObject;
  readonly comparison: Comparison;
  /** The manager that applies; conflicts with it are none. */
  readonly applier?: ManagerId;
  readonly force?: boolean;
}

/** Takes changed and removed fields from all but the applier. An apply without force only says whom it would take from. */
function settle(scope: OwnershipScope, working: Working, change: Change): readonly Conflict[] {
  const comparisons = new Map([[scope.apiVersion, onlyTrackedOf(change.comparison, scope.tracked)]]);
  const taken: Conflict[] = [];
  const kept: Working = new Map();
  for (const [id, entry] of working) {
    if (id === change.applier) continue;
    const comparison = comparisons.get(entry.apiVersion) ?? comparisonIn(scope, entry.apiVersion, change);
    if (comparison === undefined) continue;
    comparisons.set(entry.apiVersion, comparison);
    const changed = intersection(entry.fields, union(comparison.modified, comparison.added));
    if (!isEmptySet(changed)) taken.push({ owner: entry, fields: changed });
    const left = difference(difference(entry.fields, changed), comparison.removed);
    if (!isEmptySet(left)) kept.set(id, left === entry.fields ? entry : { ...entry, fields: left });
  }
  const applier = change.applier === undefined ? undefined : working.get(change.applier);
  if (applier !== undefined && change.force !== true && taken.length > 0) return taken;
  working.clear();
  for (const [id, entry] of kept) working.set(id, entry);
  if (applier !== undefined) working.set(managerId(applier), applier);
  return [];
}

function comparisonIn(scope: OwnershipScope, apiVersion: string, change: Change): Comparison | undefined {
  const version = scope.version(apiVersion);
  if (version === undefined) return undefined;
  const comparison = compareObjects(version.type, version.convert(change.before), version.convert(change.after));
  return onlyTrackedOf(comparison, scope.tracked);
}

function onlyTrackedOf({ added, modified, removed }: Comparison, tracked: TrackedFields): Comparison {
  return {
    added: onlyTracked(added, tracked),
    modified: onlyTracked(modified, tracked),
    removed: onlyTracked(removed, tracked),
  };
}

/**
 * `merged` without what the manager named last time and nobody owns now. What is in a given-up list item or map but was
 * never named by the manager (a defaulted field, say) goes with it; what others own stays, with its parents.
 */
function withoutGivenUp(
  scope: OwnershipScope,
  merged: MutableObject,
  managers: Working,
  last: ManagerEntry,
): MutableObject {
  const own = scope.version(last.apiVersion);
  if (isEmptySet(last.fields) || own === undefined) return merged;
  const lastNamed = withNamedFields(own.type, last.fields);
  const whole = own.convert(merged);
  let pruned: JsonObject = removeFields(own.type, whole, lastNamed);
  // Back comes what somebody owns, in the words of each version; the version of the last apply first.
  for (const apiVersion of new Set([last.apiVersion, ...[...managers.values()].map((entry) => entry.apiVersion)])) {
    const version = scope.version(apiVersion);
    if (version === undefined) continue;
    const all = version.convert(merged);
    const keep = union(
      namedIn(version, version.convert(pruned)),
      withNamedFields(version.type, ownedIn(managers, apiVersion)),
    );
    pruned = own.convert(removeFields(version.type, all, difference(namedIn(version, all), keep)));
  }
  // And what the manager never named: only what it gave up goes.
  const gone = intersection(difference(namedIn(own, whole), namedIn(own, pruned)), lastNamed);
  const result = removeFields(own.type, whole, gone);
  return last.apiVersion === scope.apiVersion
    ? result
    : deepCopy(scope.version(scope.apiVersion)?.convert(result) ?? result);
}

function namedIn({ type }: ObjectVersion, object: JsonObject): PathSet {
  return withNamedFields(type, fieldSet(type, object));
}

/** What any manager owns, the applying one included. */
function ownedIn(managers: Working, apiVersion: string): PathSet {
  let owned = emptyPathSet;
  for (const entry of managers.values()) if (entry.apiVersion === apiVersion) owned = union(owned, entry.fields);
  return owned;
}
