// What an update may not change, and how such fields are shown.
import type { JsonObject, JsonValue } from "../json.ts";
import { isList, isObject, ownField, semanticEqual } from "../meta/mutable.ts";
import type { ValueSchema } from "../schema/type-schema.ts";
import { fieldSchema } from "../schema/type-table.ts";
import { type Errors, immutable } from "./basics.ts";

/** One error for each of `fields` of `next` that differs from `old`; `path` stands before the field's name. */
export function checkUnchanged(
  errors: Errors,
  path: string,
  [next, old]: readonly [next: JsonObject, old: JsonObject],
  fields: readonly string[],
): void {
  for (const field of fields) {
    const value = ownField(next, field);
    if (!semanticEqual(value, ownField(old, field))) errors.push(immutable(`${path}${field}`, value));
  }
}

/** Names that Go writes in capitals; of all others only the first letter is. */
const capitals: readonly (readonly [RegExp, string])[] = [
  [/^api(?=[A-Z])/, "API"],
  [/^url$/, "URL"],
  [/^uid$/, "UID"],
  [/^cel$/, "CEL"],
  [/^ip(?=[A-Z]|$)/, "IP"],
];

function goName(name: string): string {
  for (const [pattern, text] of capitals) if (pattern.test(name)) return name.replace(pattern, text);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/**
 * A struct as Kubernetes shows it in errors about whole structs: its internal form, which has Go's names, every field, and
 * null for pointers, lists and maps that are not set. @param typeName of the schema: `io.k8s.api.rbac.v1.RoleRef`
 */
export function goStruct(typeName: string, object: JsonObject): JsonObject {
  return Object.fromEntries(
    [...fieldSchema(typeName).values()].map((field) => [
      goName(field.name),
      goValue(field.value, ownField(object, field.name), field.pointer),
    ]),
  );
}

function goValue(schema: ValueSchema, value: JsonValue | undefined, pointer: boolean): JsonValue {
  const missing = value === undefined || value === null;
  if (missing && (pointer || schema.kind === "list" || schema.kind === "map" || schema.kind === "any")) return null;
  switch (schema.kind) {
    case "object":
      return goStruct(schema.typeName, isObject(value) ? value : {});
    case "list":
      return isList(value) ? value.map((item) => goValue(schema.items, item, false)) : null;
    case "map":
    case "any":
      return value ?? null;
    case "scalar":
      if (!missing) return value;
      return schema.scalar === "boolean" ? false : schema.scalar.startsWith("int") ? 0 : "";
  }
}
