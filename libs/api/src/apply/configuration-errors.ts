// What is wrong with an applied configuration: unknown fields, values of a wrong type, list items that can't be known or
// are there twice. Texts are Kubernetes'.
import type { JsonObject, JsonValue } from "../json.ts";
import { isList, isObject } from "../meta/mutable.ts";
import type { ApplyList, ApplyMap, ApplyScalar, ApplyType } from "./apply-type.ts";
import { deducedMap } from "./field-set.ts";
import { itemElement, ItemError } from "./list-items.ts";
import { elementText, type PathElement } from "./path-element.ts";

/** Past this many the rest is not looked for. */
export const configurationErrorsMax = 100;

/** One line per error, `.spec.replikas: field not declared in schema`; empty when there is nothing wrong. */
export function configurationErrors(type: ApplyMap, config: JsonObject): readonly string[] {
  const errors: string[] = [];
  check(type, config, "", errors);
  return errors;
}

/** All errors as one text. */
export function configurationErrorText(errors: readonly string[]): string {
  return errors.length === 1 ? (errors[0] ?? "") : ["errors:", ...errors.map((error) => `  ${error}`)].join("\n");
}

function check(type: ApplyType, value: JsonValue, path: string, errors: string[]): void {
  if (value === null || errors.length >= configurationErrorsMax) return;
  switch (type.kind) {
    case "scalar":
      return checkScalar(type, value, path, errors);
    case "list":
      if (isList(value)) checkItems(type, value, path, errors);
      else report(errors, path, `expected list, got ${shownValue(value)}`);
      return;
    case "map":
      if (isObject(value)) checkFields(type, value, path, errors);
      else report(errors, path, `expected map, got ${shownValue(value)}`);
      return;
    case "deduced":
      if (!type.atomic && isObject(value)) checkFields(deducedMap, value, path, errors);
  }
}

function checkFields(type: ApplyMap, object: JsonObject, path: string, errors: string[]): void {
  for (const name of Object.keys(object)) {
    const at = `${path}.${name}`;
    const value = object[name];
    const fieldType = type.fields.get(name) ?? type.values;
    if (fieldType === undefined) report(errors, at, "field not declared in schema");
    else if (value !== undefined) check(fieldType, value, at, errors);
  }
}

function checkItems(type: ApplyList, items: readonly JsonValue[], path: string, errors: string[]): void {
  const seen = new Set<PathElement>();
  for (const [index, item] of items.entries()) {
    let step = `[${index}]`;
    if (type.relation !== "atomic") {
      try {
        const element = itemElement(type, item);
        step = elementText(element);
        if (seen.has(element)) report(errors, path, `duplicate entries for key ${step}`);
        seen.add(element);
      } catch (error) {
        if (!(error instanceof ItemError)) throw error;
        report(errors, path, `element ${index}: ${error.message}`);
        return;
      }
    }
    check(type.items, item, `${path}${step}`, errors);
  }
}

function checkScalar({ scalar }: ApplyScalar, value: JsonValue, path: string, errors: string[]): void {
  switch (scalar) {
    case "numeric":
      if (typeof value !== "number") report(errors, path, `expected numeric (int or float), got ${goType(value)}`);
      return;
    case "string":
      if (typeof value !== "string") report(errors, path, `expected string, got ${shownValue(value)}`);
      return;
    case "boolean":
      if (typeof value !== "boolean") report(errors, path, `expected boolean, got ${shownValue(value)}`);
      return;
    case "untyped":
      if (typeof value === "object") report(errors, path, `expected any scalar, got ${shownValue(value)}`);
  }
}

function report(errors: string[], path: string, text: string): void {
  if (errors.length < configurationErrorsMax) errors.push(path === "" ? text : `${path}: ${text}`);
}

function goType(value: JsonValue): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return isList(value) ? "[]interface {}" : "map[string]interface {}";
}

/** As Go prints the value that holds it. */
function shownValue(value: JsonValue): string {
  return `&value.valueUnstructured{Value:${typeof value === "object" ? goType(value) : JSON.stringify(value)}}`;
}
