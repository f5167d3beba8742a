// Who owns which fields: `metadata.managedFields` as a map. An entry is known by manager, operation and subresource, and
// an Update's also by its API version: a manager that applies has one entry, whatever versions it applied.
import type { JsonObject, JsonValue } from "../json.ts";
import { isList, isObject, type MutableObject, objectAt, textAt } from "../meta/mutable.ts";
import { parseFieldsV1, writeFieldsV1 } from "./fields-v1.ts";
import { compareText } from "./path-element.ts";
import type { PathSet } from "./path-set.ts";

export interface ManagerName {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  /** The version whose fields the set names. */
  readonly apiVersion: string;
  /** Empty: the object itself was written. */
  readonly subresource: string;
}

export interface ManagerEntry extends ManagerName {
  /** When the manager last took a field, RFC 3339; undefined when it only ever shared what others had written. */
  readonly time: string | undefined;
  readonly fields: PathSet;
}

export type ManagerId = string;
export type Managers = ReadonlyMap<ManagerId, ManagerEntry>;

export const noManagers: Managers = new Map();

export function managerId({ manager, operation, apiVersion, subresource }: ManagerName): ManagerId {
  return JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

/**
 * Reads `metadata.managedFields`.
 * @returns undefined where an entry can't be read
 * Cost: O(fields).
 */
export function readManagers(managedFields: JsonValue | undefined): Managers | undefined {
  if (!isList(managedFields)) return noManagers;
  const managers = new Map<ManagerId, ManagerEntry>();
  for (const stored of managedFields) {
    const entry = isObject(stored) ? readEntry(stored) : undefined;
    if (entry === undefined) return undefined;
    managers.set(managerId(entry), entry);
  }
  return managers;
}

function readEntry(stored: JsonObject): ManagerEntry | undefined {
  if (stored["fieldsType"] !== "FieldsV1") return undefined;
  try {
    return {
      manager: textAt(stored, "manager"),
      operation: stored["operation"] === "Apply" ? "Apply" : "Update",
      apiVersion: textAt(stored, "apiVersion"),
      subresource: textAt(stored, "subresource"),
      time: textAt(stored, "time") || undefined,
      fields: parseFieldsV1(stored["fieldsV1"]),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Appliers first, then by time, manager, version and subresource. Fields that repeat are shared: do not change them. */
export function writeManagers(managers: Managers): MutableObject[] {
  return [...managers.values()].sort(compareEntries).map((entry) => writeEntry(entry, writeFieldsV1(entry.fields)));
}

export function writeEntry(
  entry: ManagerName & { readonly time: string | undefined },
  fields: MutableObject,
): MutableObject {
  return {
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time === undefined ? {} : { time: entry.time }),
    fieldsType: "FieldsV1",
    fieldsV1: fields,
    ...(entry.subresource === "" ? {} : { subresource: entry.subresource }),
  };
}

function compareEntries(left: ManagerEntry, right: ManagerEntry): number {
  return (
    compareText(left.operation, right.operation) ||
    compareText(left.time ?? "", right.time ?? "") ||
    compareText(left.manager, right.manager) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

/** A client's way to forget who owned what: an empty list, or a list of one empty entry. */
export function isReset(managedFields: JsonValue | undefined): boolean {
  if (!isList(managedFields)) return false;
  if (managedFields.length !== 1) return managedFields.length === 0;
  const [entry] = managedFields;
  // A canonical document shows an unset time as null.
  return (
    isObject(entry) && Object.values(entry).every((value) => value === null || value === undefined || value === "")
  );
}

/** The stored list of an object; undefined where nobody's fields are tracked. */
export function managedFieldsOf(object: JsonObject): JsonValue | undefined {
  return objectAt(object, "metadata")?.["managedFields"];
}
