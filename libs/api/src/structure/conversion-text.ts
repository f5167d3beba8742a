// Kubernetes reads JSON texts and documents that are maps in memory (what a strategic merge patch leaves) by different code,
// and each has its own words for a value that does not fit.
import type { ScalarKind, ValueSchema } from "../schema/type-schema.ts";

const goKinds: Readonly<Record<string, string>> = {
  object: "map",
  array: "slice",
  string: "string",
  bool: "bool",
  number: "int64",
};

const goBasics: Partial<Readonly<Record<ScalarKind, string>>> = {
  string: "string",
  boolean: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
};

/**
 * @param came what JSON calls the value, maybe with the value: `string`, `number 1.5`
 * @param goType of the field: `v1.RestartPolicy`
 */
export function conversionText(schema: ValueSchema, came: string, goType: string): string {
  const from =
    came.startsWith("number ") && came.includes(".") ? "float64" : (goKinds[came.split(" ")[0] ?? ""] ?? came);
  switch (schema.kind) {
    case "list":
      return `cannot restore slice from ${from}`;
    case "map":
      return `cannot restore map from ${from}`;
    case "object":
      return `cannot restore struct from: ${from}`;
    case "any":
      return `json: cannot unmarshal ${came} into Go value of type ${goType}`;
    case "scalar": {
      if (schema.scalar === "bytes") return `cannot restore slice from ${from}`;
      const basic = goBasics[schema.scalar];
      // Times, quantities and the like are read from JSON here, too.
      if (basic === undefined) return `json: cannot unmarshal ${came} into Go value of type ${goType}`;
      // Go can make a text of an integer, though not the one that is meant, and an integer of a fraction.
      const refused = (from === "int64" && basic === "string") || (from === "float64" && basic.startsWith("int"));
      return refused ? `cannot convert ${from} to ${goType}` : `unrecognized type: ${basic}`;
    }
  }
}
