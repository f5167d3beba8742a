// Defaults in schemas of custom resources must themselves be valid.
import type { JsonValue } from "../json.ts";
import { type FieldErrorType, invalid, notSupported, required } from "../meta/field-error.ts";
import { deepEqual, isList, isObject, numberAt } from "../meta/mutable.ts";
import type { Errors } from "./basics.ts";
import type { SchemaNode } from "./crd-schema.ts";

/** Judges `value` by what `node` says of types, bounds, enumerations, required and nested fields. */
export function checkDefault(errors: Errors, path: string, node: SchemaNode, value: JsonValue): void {
  if (value === null && node.nullable === true) return;
  const { type = "" } = node;
  if (type !== "" && !isOfType(value, type)) {
    const found = typeOf(value);
    const wrong: FieldErrorType = "FieldValueTypeInvalid";
    const detail = ` in body must be of type ${type}: ${JSON.stringify(found)}`;
    errors.push({ type: wrong, field: path, detail, badValue: found });
    return;
  }
  const allowed = node["enum"];
  if (isList(allowed) && !allowed.some((one) => deepEqual(one, value))) {
    errors.push(
      notSupported(
        path,
        value,
        allowed.map((one) => (typeof one === "string" ? one : JSON.stringify(one))),
      ),
    );
  }
  if (typeof value === "number") checkNumber(errors, path, node, value);
  else if (typeof value === "string") checkString(errors, path, node, value);
  else if (isList(value)) checkList(errors, path, node, value);
  else if (isObject(value)) {
    for (const name of node.required ?? []) if (value[name] === undefined) errors.push(required(`${path}.${name}`));
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      const field = value[name];
      if (field !== undefined) checkDefault(errors, `${path}.${name}`, child, field);
    }
  }
}

function typeOf(value: JsonValue): string {
  if (value === null) return "null";
  if (isList(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function isOfType(value: JsonValue, type: string): boolean {
  const found = typeOf(value);
  return found === type || (type === "number" && found === "integer");
}

function checkNumber(errors: Errors, path: string, node: SchemaNode, value: number): void {
  const [minimum, maximum] = [numberAt(node, "minimum"), numberAt(node, "maximum")];
  const [strictMin, strictMax] = [node["exclusiveMinimum"] === true, node["exclusiveMaximum"] === true];
  if (minimum !== undefined && (strictMin ? value <= minimum : value < minimum)) {
    errors.push(invalid(path, value, `should be greater than${strictMin ? "" : " or equal to"} ${minimum}`));
  }
  if (maximum !== undefined && (strictMax ? value >= maximum : value > maximum)) {
    errors.push(invalid(path, value, `should be less than${strictMax ? "" : " or equal to"} ${maximum}`));
  }
}

function checkString(errors: Errors, path: string, node: SchemaNode, value: string): void {
  const [minLength = 0, maxLength] = [numberAt(node, "minLength"), numberAt(node, "maxLength")];
  const length = [...value].length;
  if (length < minLength) errors.push(invalid(path, value, `should be at least ${minLength} chars long`));
  if (maxLength !== undefined && length > maxLength) {
    errors.push({ type: "FieldValueTooLong", field: path, detail: `may not be more than ${maxLength} bytes` });
  }
}

function checkList(errors: Errors, path: string, node: SchemaNode, value: readonly JsonValue[]): void {
  const [minItems = 0, maxItems] = [numberAt(node, "minItems"), numberAt(node, "maxItems")];
  if (value.length < minItems) errors.push(invalid(path, value.length, `should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) {
    const detail = `must have at most ${maxItems} items`;
    errors.push({ type: "FieldValueTooMany", field: path, detail, badValue: value.length });
  }
  const { items } = node;
  if (!isObject(items)) return;
  value.forEach((item, i) => checkDefault(errors, `${path}[${i}]`, items, item));
}
