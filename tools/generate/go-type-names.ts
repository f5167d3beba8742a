// Go's names of types (`v1.RestartPolicy`) appear in the errors for JSON of the wrong type. The table beside this file has
// those that do not follow from the description of the API.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** @returns `type field`, without `io.k8s.`, to the Go type of the field */
export function goTypeNames(): ReadonlyMap<string, string> {
  const text = readFileSync(join(import.meta.dirname, "go-type-names.tsv"), "utf8");
  const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    rows.map((row) => {
      const [type = "", field = "", goType = ""] = row.split("\t");
      return [`${type} ${field}`, goType];
    }),
  );
}
