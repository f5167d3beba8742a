// How server-side apply sees a type: which values are owned whole (scalars and atomic lists and maps), which part by part,
// and by what the items of a list are known. Made from the schema once per type; a type that contains itself contains
// the same value again. Types of custom resources take the same form.
import type { JsonValue } from "../json.ts";
import type { FieldSchema, ScalarKind, ValueSchema } from "../schema/type-schema.ts";
import { fieldSchema, typeSchema } from "../schema/type-table.ts";
import { zeroOfField } from "../schema/zero-values.ts";
import { compareText } from "./path-element.ts";

export interface ApplyScalar {
  readonly kind: "scalar";
  /** `untyped` takes any scalar: quantities, times, numbers or texts. */
  readonly scalar: "string" | "numeric" | "boolean" | "untyped";
}

export interface ApplyMap {
  readonly kind: "map";
  readonly atomic: boolean;
  /** The fields of a struct, sorted by name; empty for a map. */
  readonly fields: ReadonlyMap<string, ApplyType>;
  /** What keys that are no field hold; undefined: there must be none. */
  readonly values: ApplyType | undefined;
}

export interface ListKey {
  readonly name: string;
  /** Stands in where an item lacks the key. */
  readonly default: JsonValue | undefined;
}

export interface ApplyList {
  readonly kind: "list";
  readonly relation: "atomic" | "set" | "map";
  readonly items: ApplyType;
  /** Of a `map`: the fields by which items are known, sorted by name. */
  readonly keys: readonly ListKey[];
}

/** Free-form: what a value is decides. Objects are granular maps of the same, lists are atomic. */
export interface ApplyDeduced {
  readonly kind: "deduced";
  /** True: owned whole, whatever it is. */
  readonly atomic: boolean;
}

export type ApplyType = ApplyScalar | ApplyMap | ApplyList | ApplyDeduced;

const known = new Map<string, ApplyMap>();

/**
 * @param typeName as in the API description, `io.k8s.api.core.v1.Pod`
 * @throws AssertionError for a name that the schema lacks
 * Cost: what the type reaches, once.
 */
export function applyTypeOf(typeName: string): ApplyMap {
  const made = known.get(typeName);
  if (made !== undefined) return made;
  const fields = new Map<string, ApplyType>();
  const type: ApplyMap = { kind: "map", atomic: typeSchema(typeName)?.mapType === "atomic", fields, values: undefined };
  known.set(typeName, type);
  const sorted = [...fieldSchema(typeName).values()].sort((left, right) => compareText(left.name, right.name));
  for (const field of sorted) fields.set(field.name, typeOfField(field));
  return type;
}

function typeOfField(field: FieldSchema): ApplyType {
  const type = typeOfValue(field.value);
  if (type.kind === "map" && field.mapType !== undefined) return { ...type, atomic: field.mapType === "atomic" };
  if (type.kind !== "list" || field.listType === undefined) return type;
  const keys = field.listType === "map" ? keysOf(field) : [];
  return { ...type, relation: field.listType, keys };
}

function typeOfValue(value: ValueSchema): ApplyType {
  switch (value.kind) {
    case "scalar":
      return { kind: "scalar", scalar: applyScalars[value.scalar] };
    case "any":
      return atomicAnything;
    case "object":
      return applyTypeOf(value.typeName);
    case "map":
      return { kind: "map", atomic: false, fields: new Map(), values: typeOfValue(value.values) };
    case "list":
      return { kind: "list", relation: "atomic", items: typeOfValue(value.items), keys: [] };
  }
}

const atomicAnything: ApplyDeduced = { kind: "deduced", atomic: true };

const applyScalars: Readonly<Record<ScalarKind, ApplyScalar["scalar"]>> = {
  string: "string",
  bytes: "string",
  duration: "string",
  boolean: "boolean",
  int32: "numeric",
  int64: "numeric",
  double: "numeric",
  time: "untyped",
  microTime: "untyped",
  quantity: "untyped",
  intOrString: "untyped",
};

/** Keys that Go leaves out when empty and that are the empty text then all the same. */
const emptyByDefault: ReadonlySet<string> = new Set(["io.k8s.api.core.v1.LocalObjectReference name"]);

/** A key that Go always writes has its zero value as default. */
function keysOf(field: FieldSchema): readonly ListKey[] {
  const items = field.value.kind === "list" && field.value.items.kind === "object" ? field.value.items : undefined;
  const itemFields = items === undefined ? undefined : fieldSchema(items.typeName);
  return [...field.listMapKeys].sort(compareText).map((name) => {
    const key = itemFields?.get(name);
    const isEmptyText = items !== undefined && emptyByDefault.has(`${items.typeName} ${name}`);
    const zero = key === undefined ? undefined : zeroOfField(key);
    return { name, default: key?.keyDefault ?? zero ?? (isEmptyText ? "" : undefined) };
  });
}
