// The two views that every resource has: a Table (what `kubectl get` prints) and metadata only. Both exist in two
// versions of one group that differ in nothing but the name.
import {
  badRequest,
  fieldErrorText,
  type IncludeObject,
  invalid,
  type JsonObject,
  partialObjectMetadata,
  renderTable,
  type ResourceInfo,
  StatusError,
  tableFor,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";

export interface TableViewOptions {
  readonly apiVersion: string;
  readonly nowMs: number;
  /** `includeObject` of the query. */
  readonly includeObject: string;
  readonly listMeta: JsonObject;
  /** False on all but the first event of a watch: clients keep the columns. */
  readonly columns: boolean;
}

export function tableOf(
  resource: Pick<ResourceInfo, "group" | "resource">,
  objects: readonly JsonObject[],
  options: TableViewOptions,
): JsonObject {
  const { apiVersion, nowMs, listMeta, columns } = options;
  const includeObject = includeObjectOf(options.includeObject);
  const table = renderTable(tableFor(resource), objects, {
    nowMs,
    includeObject,
    listMetadata: listMeta,
    withColumns: columns,
  });
  return { ...table, apiVersion };
}

export function metadataOf(object: JsonObject, apiVersion: string): JsonObject {
  return { ...partialObjectMetadata(object), apiVersion };
}

/** One row of a table. */
export function rowOf(
  resource: Pick<ResourceInfo, "group" | "resource">,
  object: JsonObject,
  options: Omit<TableViewOptions, "columns">,
): JsonObject {
  const { rows } = tableOf(resource, [object], { ...options, columns: false });
  return assertDefined((rows as readonly JsonObject[])[0], "a table has a row for each object");
}

/** @throws StatusError 400 */
function includeObjectOf(text: string): IncludeObject {
  if (text === "") return "Metadata";
  if (text === "None" || text === "Object" || text === "Metadata") return text;
  const error = invalid("includeObject", text, "must be 'Metadata', 'Object', 'None', or empty");
  throw new StatusError(badRequest(`Unable to convert to Table as requested: ${fieldErrorText(error)}`));
}
