// Go's names of string types (`v1.RestartPolicy`) appear in the errors for JSON of the wrong type. No table has them, but
// recorded errors show them: "... into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy".
import { parseExchanges } from "./facts.ts";

const pattern = /Go struct field ([A-Za-z0-9]+)\.(\S+) of type (\S+)/;
const plain = new Set(["string", "bool", "int32", "int64", "float64"]);

/** @returns `Struct field` to the Go type of its innermost value, if it is named; of use where the schema has a string */
export function goTypeNames(exchanges: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const { response } of parseExchanges(exchanges)) {
    const message = (response.body as { message?: unknown } | undefined)?.message;
    const found = typeof message === "string" ? pattern.exec(message) : null;
    if (found === null) continue;
    const [, struct = "", path = "", type = ""] = found;
    if (plain.has(type) || !/cannot unmarshal (number|string|bool|object) into/.test(message as string)) continue;
    const named = /^(?:\[\])?(v\d+\.\w+)$/.exec(type)?.[1];
    if (named !== undefined) names.set(`${struct} ${path.slice(path.lastIndexOf(".") + 1)}`, named);
  }
  return names;
}
