// Server-side tables: what `kubectl get` prints. A kind's table is its columns and a function that makes the cells of
// one object; rows carry the object's metadata, or the whole object, or nothing.
import type { JsonObject, JsonValue } from "../json.ts";
import { templateGenerationAnnotation } from "../kinds/daemon-sets.ts";
import { isObject, objectAt } from "../meta/mutable.ts";

export interface ColumnDefinition {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  /** `name` marks the column that identifies the object. */
  readonly format: "" | "name";
  readonly description: string;
  /** 0 is always shown, more only with `-o wide`. */
  readonly priority: number;
}

/** One cell per column, in their order. */
export interface KindTable {
  readonly columns: readonly ColumnDefinition[];
  cells(object: JsonObject, nowMs: number): readonly JsonValue[];
  /** Conditions of a row: kubectl can tell finished pods by them. */
  conditions?(object: JsonObject): readonly JsonObject[];
}

export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly nowMs: number;
  readonly includeObject?: IncludeObject;
  /** A list's `metadata`; for one object its resourceVersion is taken. */
  readonly listMetadata?: JsonObject;
  /** False leaves the columns out: in a watch only the first event has them. */
  readonly withColumns?: boolean;
}

/** A `Table` of meta.k8s.io/v1. Cost: O(objects). */
export function renderTable(table: KindTable, objects: readonly JsonObject[], options: TableOptions): JsonObject {
  const { nowMs, includeObject = "Metadata", withColumns = true } = options;
  const single = objects.length === 1 ? objectAt(objects[0] ?? {}, "metadata")?.["resourceVersion"] : undefined;
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: options.listMetadata ?? (single === undefined ? {} : { resourceVersion: single }),
    columnDefinitions: withColumns ? table.columns.map((column) => ({ ...column })) : null,
    rows: objects.map((object) => {
      const conditions = table.conditions?.(object) ?? [];
      return {
        cells: table.cells(object, nowMs),
        ...(conditions.length === 0 ? {} : { conditions }),
        object: rowObject(object, includeObject),
      };
    }),
  };
}

function rowObject(object: JsonObject, include: IncludeObject): JsonValue {
  if (include === "None") return null;
  return include === "Object" ? object : partialObjectMetadata(object);
}

/** The object's metadata alone, as a kind of its own. */
export function partialObjectMetadata(object: JsonObject): JsonObject {
  const metadata = objectAt(object, "metadata") ?? {};
  const shown = object["kind"] === "DaemonSet" ? withoutTemplateGeneration(metadata) : metadata;
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: shown };
}

/** A DaemonSet's template generation is an annotation only where the whole object is shown. */
function withoutTemplateGeneration(metadata: JsonObject): JsonObject {
  const { annotations, ...rest } = metadata;
  if (!isObject(annotations)) return metadata;
  const kept = Object.entries(annotations).filter(([key]) => key !== templateGenerationAnnotation);
  return kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
}

export function partialObjectMetadataList(objects: readonly JsonObject[], metadata: JsonObject): JsonObject {
  return {
    kind: "PartialObjectMetadataList",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    items: objects.map((object) => partialObjectMetadata(object)),
  };
}

export const nameColumn: ColumnDefinition = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique for its kind within a namespace.",
  priority: 0,
};

export function textColumn(name: string, description: string): ColumnDefinition {
  return { name, type: "string", format: "", description, priority: 0 };
}

export function countColumn(name: string, description: string): ColumnDefinition {
  return { name, type: "integer", format: "", description, priority: 0 };
}

export function flagColumn(name: string, description: string): ColumnDefinition {
  return { name, type: "boolean", format: "", description, priority: 0 };
}

/** The same column, shown only with `-o wide`. */
export function wide(column: ColumnDefinition): ColumnDefinition {
  return { ...column, priority: 1 };
}

export const ageColumn: ColumnDefinition = textColumn("Age", "Time since the object was created.");
