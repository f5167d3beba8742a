// Kubernetes' JSON is Go's: a struct that is not behind a pointer is always written (`resources: {}`), a field without
// `omitempty` is written although zero, a time that was never set is `null`. These functions say what an absent field
// becomes, so that documents from JSON and from protobuf come out alike.
import type { MutableObject, MutableValue } from "../meta/mutable.ts";
import type { FieldSchema, ScalarKind, ValueSchema } from "./type-schema.ts";
import { fieldSchema } from "./type-table.ts";

/** What Go's JSON shows where `field` was never set; `undefined` means nothing. */
export function zeroOfField(field: FieldSchema): MutableValue | undefined {
  if (field.nullWhenMissing) return null;
  if (field.pointer) return field.required && !field.omittedWhenZero ? null : undefined;
  switch (field.value.kind) {
    case "scalar":
      if (isStructScalar(field.value.scalar))
        return field.omittedWhenZero ? undefined : zeroOfScalar(field.value.scalar);
      return field.writtenWhenZero ? zeroOfScalar(field.value.scalar) : undefined;
    case "any":
      return field.value.typeName === "" ? undefined : null;
    case "object":
      return zeroObject(field.value.typeName);
    case "list":
    case "map":
      return field.writtenWhenZero ? null : undefined;
  }
}

/** What stands for `null` inside a list or a map. */
export function zeroOfValue(value: ValueSchema): MutableValue {
  switch (value.kind) {
    case "scalar":
      return zeroOfScalar(value.scalar);
    case "object":
      return zeroObject(value.typeName);
    case "any":
    case "list":
    case "map":
      return null;
  }
}

/** The document of a struct of which nothing is set. Go's structs by value cannot recurse, so this ends. */
export function zeroObject(typeName: string): MutableObject {
  const object: MutableObject = {};
  for (const field of fieldSchema(typeName).values()) {
    const zero = zeroOfField(field);
    if (zero !== undefined) object[field.name] = zero;
  }
  return object;
}

/** Scalars in JSON that are structs in Go, so that `omitempty` never leaves them out. */
function isStructScalar(scalar: ScalarKind): boolean {
  return scalar === "time" || scalar === "microTime" || scalar === "quantity" || scalar === "intOrString";
}

function zeroOfScalar(scalar: ScalarKind): string | number | boolean | null {
  switch (scalar) {
    case "string":
      return "";
    case "boolean":
      return false;
    case "int32":
    case "int64":
    case "double":
    case "intOrString":
      return 0;
    case "quantity":
      return "0";
    case "duration":
      return "0s";
    case "bytes":
    case "time":
    case "microTime":
      return null;
  }
}

/** Whether `omitempty` leaves a scalar of this value out (a struct never is, bytes when empty). */
export function isOmittedScalar(field: FieldSchema, value: MutableValue): boolean {
  if (field.pointer || field.writtenWhenZero || field.value.kind !== "scalar" || isStructScalar(field.value.scalar))
    return false;
  return value === "" || value === 0 || value === false;
}
