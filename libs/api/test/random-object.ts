// Random objects of any type of the schema, for property tests: every field that the wire has may come, with values of
// its form.
import type { Rng } from "@triarch/base";
import { fieldSchema, type JsonObject, type JsonValue, type MutableObject, type ValueSchema } from "@triarch/api";

/** Types may hold themselves; deeper than this nothing optional is made. */
const depthMax = 5;
/** Chance that an optional field is there. */
const presence = 0.35;

const scalars = {
  string: ["", "a", "web-1", "ä€😀", 'quote " and \\', "line\nbreak"],
  boolean: [true, false],
  int32: [0, 1, -1, 80, 2_147_483_647, -2_147_483_648],
  int64: [0, 1, -1, 86_400, 9_007_199_254_740_991],
  double: [0, 1, -2.5, 1e21],
  bytes: ["", "AA==", "aGVsbG8="],
  time: ["2026-01-02T03:04:05Z", "1970-01-01T00:00:01Z"],
  microTime: ["2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.000000Z"],
  duration: ["0s", "1h30m0s", "1.5s"],
  quantity: ["0", "1", "100m", "1Gi", "1500m"],
  intOrString: [0, 80, "http", "50%"],
} as const;
/** Free-form values that the wire can carry too. */
const freeForm: readonly JsonValue[] = [{ a: 1 }, { a: { b: ["c", null, true] } }, {}];

export function randomObject(typeName: string, rng: Rng, depth = 0): MutableObject {
  const object: MutableObject = {};
  for (const field of fieldSchema(typeName).values()) {
    if (field.name === "apiVersion" || field.name === "kind" || field.protoPath.length === 0) continue;
    const wanted = depth < depthMax ? rng.next() < presence : field.required;
    if (wanted) object[field.name] = randomValue(field.value, rng, depth) as MutableObject;
  }
  return object;
}

function randomValue(schema: ValueSchema, rng: Rng, depth: number): JsonValue {
  switch (schema.kind) {
    case "scalar":
      return pick<JsonValue>(scalars[schema.scalar], rng);
    case "any":
      return pick(freeForm, rng);
    case "object":
      return randomObject(schema.typeName, rng, depth + 1);
    // Neither list nor map is empty: protobuf does not tell empty from absent.
    case "list":
      return Array.from({ length: 1 + rng.int(2) }, () => randomValue(schema.items, rng, depth + 1));
    case "map": {
      const map: Record<string, JsonValue> = {};
      for (let i = 1 + rng.int(2); i > 0; i--) map[`key-${i}`] = randomValue(schema.values, rng, depth + 1);
      return map satisfies JsonObject;
    }
  }
}

export function pick<T>(from: readonly T[], rng: Rng): T {
  return from[rng.int(from.length)] as T;
}
