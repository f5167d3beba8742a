// An apply that would change what others own: 409, with one cause per field.
import { failure, type FailureStatus } from "../meta/status.ts";
import { type ManagerEntry, type ManagerName } from "./managers.ts";
import { compareText } from "./path-element.ts";
import { forEachPath, type PathSet, pathText } from "./path-set.ts";

export interface Conflict {
  readonly owner: ManagerEntry;
  readonly fields: PathSet;
}

/** @param conflicts at least one, none with an empty set */
export function conflictStatus(conflicts: readonly Conflict[]): FailureStatus {
  const sorted = [...conflicts].sort((left, right) => compareText(ownerText(left.owner), ownerText(right.owner)));
  const causes = sorted.flatMap(({ owner, fields }) =>
    pathsOf(fields).map((field) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${ownerText(owner)}`,
      field,
    })),
  );
  const [first] = causes;
  const message =
    first !== undefined && causes.length === 1
      ? `Apply failed with 1 conflict: ${first.message}: ${first.field}`
      : `Apply failed with ${causes.length} conflicts: ${sorted.flatMap(conflictLines).join("\n")}`;
  return failure(409, "Conflict", message, { causes });
}

function conflictLines({ owner, fields }: Conflict): readonly string[] {
  return [`conflicts with ${ownerText(owner)}:`, ...pathsOf(fields).map((path) => `- ${path}`)];
}

function pathsOf(fields: PathSet): readonly string[] {
  const paths: string[] = [];
  forEachPath(fields, (path) => paths.push(pathText(path)));
  return paths;
}

/** `"kubectl" with subresource "scale" using apps/v1` */
function ownerText({ manager, operation, apiVersion, subresource }: ManagerName): string {
  const where = subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(manager)}${where}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}
