// What an update may not change, and how such fields are shown.
import type { JsonObject, JsonValue } from "../json.ts";
import {
  carryField,
  childOf,
  deepCopy,
  isList,
  isObject,
  type MutableObject,
  type MutableValue,
  ownField,
  semanticEqual,
} from "../meta/mutable.ts";
import type { ScalarKind, ValueSchema } from "../schema/type-schema.ts";
import { fieldSchema } from "../schema/type-table.ts";
import { copyWithEmptied, fieldOrEmptied } from "../structure/emptied.ts";
import { type Errors, immutable } from "./basics.ts";
import { goName, goOrder, hostFields } from "./go-layouts.ts";

/** One error for each of `fields` of `next` that differs from `old`; `path` stands before the field's name. */
export function checkUnchanged(
  errors: Errors,
  path: string,
  [next, old]: readonly [next: JsonObject, old: JsonObject],
  fields: readonly string[],
): void {
  for (const field of fields) {
    const value = fieldOrEmptied(next, field);
    if (!semanticEqual(value, ownField(old, field))) errors.push(immutable(`${path}${field}`, value));
  }
}

/**
 * A struct as Kubernetes shows it in errors about whole structs: its internal form, which has Go's names, every field, and
 * null for pointers, lists and maps that are not set. Metadata and selectors have no internal form: they stay as they are.
 *
 * @param typeName of the schema: `io.k8s.api.rbac.v1.RoleRef`
 * @param only the client's names of the fields that are shown, in their order; all where absent
 */
export function goStruct(typeName: string, object: JsonObject, only?: readonly string[]): JsonObject {
  const type = typeName.slice(typeName.lastIndexOf(".") + 1);
  const schema = fieldSchema(typeName);
  const source = type === "PodSpec" ? withHostFields(object) : object;
  const order = only ?? goOrder(type) ?? [...schema.keys()];
  const shown: MutableObject = {};
  for (const name of order) {
    const field = schema.get(name) ?? fieldSchema(podSpecType).get(name);
    if (field === undefined) continue;
    const value = fieldOrEmptied(source, name);
    const isMeta = field.value.kind === "object" && field.value.typeName.endsWith(".ObjectMeta");
    // Metadata is embedded: its fields stand among the struct's.
    if (isMeta) Object.assign(shown, isObject(value) ? deepCopy(value) : {});
    else shown[goName(type, name)] = goValue(field.value, value, field.pointer) as MutableValue;
  }
  return shown;
}

const podSpecType = "io.k8s.api.core.v1.PodSpec";

function withHostFields(spec: JsonObject): JsonObject {
  const copy = copyWithEmptied(spec);
  const context = childOf(copy, "securityContext");
  for (const name of hostFields) carryField(context, spec, name);
  return copy;
}

function goValue(schema: ValueSchema, value: JsonValue | undefined, pointer: boolean): JsonValue {
  const missing = value === undefined || value === null;
  if (missing && (pointer || schema.kind === "list" || schema.kind === "map" || schema.kind === "any")) return null;
  switch (schema.kind) {
    case "object":
      if (schema.typeName.startsWith("io.k8s.apimachinery.")) return value ?? {};
      return goStruct(schema.typeName, isObject(value) ? value : {});
    case "list":
      return isList(value) ? value.map((item) => goValue(schema.items, item, false)) : null;
    case "map":
      return isObject(value) ? sortedKeys(value) : null;
    case "any":
      return value ?? null;
    case "scalar":
      return missing ? zeroOf(schema.scalar) : value;
  }
}

function sortedKeys(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function zeroOf(scalar: ScalarKind): JsonValue {
  if (scalar === "boolean") return false;
  if (scalar === "string" || scalar === "duration") return "";
  if (scalar === "quantity") return "0";
  return scalar === "bytes" || scalar === "time" || scalar === "microTime" ? null : 0;
}
