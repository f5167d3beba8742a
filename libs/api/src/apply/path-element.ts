// One step of a field path, in the text that FieldsV1 uses as a key:
//   f:spec            a field of an object, or a key of a map
//   k:{"name":"web"}  the item of a list that is known by the values of its key fields
//   v:"x"             the item of a set that equals a value
//   i:0               the item at an index
// The text is canonical (keys sorted, compact JSON), so that two steps are the same exactly when their texts are.
import type { JsonObject, JsonValue } from "../json.ts";
import { isObject } from "../meta/mutable.ts";

export type PathElement = string;

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** @param fields the key fields with their values, in any order */
export function keyElement(fields: readonly (readonly [name: string, value: JsonValue])[]): PathElement {
  const [only] = fields;
  if (only !== undefined && fields.length === 1) return `k:{${JSON.stringify(only[0])}:${canonicalJson(only[1])}}`;
  const sorted = [...fields].sort(([left], [right]) => compareText(left, right));
  return `k:{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${canonicalJson(value)}`).join(",")}}`;
}

export function valueElement(value: JsonValue): PathElement {
  return `v:${canonicalJson(value)}`;
}

/** The name in an `f:` step; undefined for the steps into lists. */
export function fieldNameOf(element: PathElement): string | undefined {
  return element.startsWith("f:") ? element.slice(2) : undefined;
}

/**
 * Brings a step that somebody else wrote into canonical form.
 * @returns undefined for a kind of step that is not known; Kubernetes ignores those
 * @throws SyntaxError for a `k:`, `v:` or `i:` that can't be read
 */
export function readElement(text: string): PathElement | undefined {
  switch (text.slice(0, 2)) {
    case "f:":
      return text;
    case "k:": {
      const key = JSON.parse(text.slice(2)) as JsonValue;
      if (!isObject(key)) throw new SyntaxError(`the key of a list item must be an object: ${text}`);
      return keyElement(Object.entries(key) as [string, JsonValue][]);
    }
    case "v:":
      return valueElement(JSON.parse(text.slice(2)) as JsonValue);
    case "i:":
      if (!/^i:-?\d{1,15}$/.test(text)) throw new SyntaxError(`not an index: ${text}`);
      return text;
    default:
      return undefined;
  }
}

/** Kubernetes' order of steps: fields by name, then keys, then values, then indexes. */
export function compareElements(left: PathElement, right: PathElement): number {
  if (left === right) return 0;
  const kinds = elementKinds.indexOf(left.charAt(0)) - elementKinds.indexOf(right.charAt(0));
  if (kinds !== 0) return kinds;
  switch (left.charAt(0)) {
    case "f":
      return compareText(left, right);
    case "i":
      return Number(left.slice(2)) - Number(right.slice(2));
    default:
      return compareValues(JSON.parse(left.slice(2)) as JsonValue, JSON.parse(right.slice(2)) as JsonValue);
  }
}

const elementKinds = "fkvi";

/** As conflicts and errors show a step: `.spec`, `[name="web"]`, `[="x"]`, `[0]`. */
export function elementText(element: PathElement): string {
  const rest = element.slice(2);
  switch (element.charAt(0)) {
    case "f":
      return `.${rest}`;
    case "k": {
      const key = JSON.parse(rest) as JsonObject;
      return `[${Object.keys(key)
        .map((name) => `${name}=${canonicalJson(key[name] ?? null)}`)
        .join(",")}]`;
    }
    case "v":
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}

/** Order of the texts' UTF-8 bytes, which is Go's. */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [left.charCodeAt(i), right.charCodeAt(i)];
    if (a !== b) return codePointRank(a) - codePointRank(b);
  }
  return left.length - right.length;
}

/** Surrogates stand for code points past all other UTF-16 units. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Order of values in keys and sets: numbers, then texts, booleans, lists, objects, and null last. */
export function compareValues(left: JsonValue, right: JsonValue): number {
  const kinds = valueKind(left) - valueKind(right);
  if (kinds !== 0) return kinds;
  if (typeof left === "number") return left - (right as number);
  if (typeof left === "string") return compareText(left, right as string);
  if (typeof left === "boolean") return Number(left) - Number(right);
  if (isObject(left)) return compareFields(left, right as JsonObject);
  return compareText(JSON.stringify(left), JSON.stringify(right));
}

function compareFields(left: JsonObject, right: JsonObject): number {
  const [leftNames, rightNames] = [Object.keys(left), Object.keys(right)];
  for (let i = 0; i < Math.min(leftNames.length, rightNames.length); i++) {
    const [leftName = "", rightName = ""] = [leftNames[i], rightNames[i]];
    const order = compareText(leftName, rightName) || compareValues(left[leftName] ?? null, right[rightName] ?? null);
    if (order !== 0) return order;
  }
  return leftNames.length - rightNames.length;
}

function valueKind(value: JsonValue): number {
  if (value === null) return 5;
  switch (typeof value) {
    case "number":
      return 0;
    case "string":
      return 1;
    case "boolean":
      return 2;
    default:
      return Array.isArray(value) ? 3 : 4;
  }
}

function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (!isObject(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const names = Object.keys(value).sort(compareText);
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`).join(",")}}`;
}
