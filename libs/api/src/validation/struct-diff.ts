// How a refused change of a whole struct is shown: both forms as Go's JSON, indented by one blank, and what differs.
import { goJson, type JsonObject } from "../json.ts";
import { goStruct } from "./changes.ts";
import { unifiedDiff } from "./line-diff.ts";

/** Past it nothing is compared: the work grows faster than the text. */
const linesMax = 20_000;

/**
 * @param typeName of the schema, of both
 * @param fields the client's names of the only fields that are looked at; all where absent
 * @returns the hunks, or nothing where a struct is too long
 */
export function structDiff(typeName: string, old: JsonObject, next: JsonObject, fields?: readonly string[]): string {
  const [before, after] = [old, next].map((object) => goJson(goStruct(typeName, object, fields), 1).split("\n"));
  if (before === undefined || after === undefined || Math.max(before.length, after.length) > linesMax) return "";
  return unifiedDiff(before, after);
}
