// Reads a JSON document the way Kubernetes reads it into a Go struct: what the type lacks is found and left out, the first
// value of a wrong type is found, and what remains has the form that writing the struct again would give (see
// schema/zero-values.ts). Each type is compiled once into closures.
import type { JsonObject, JsonValue } from "../json.ts";
import { deepCopyValue, setOwn } from "../meta/mutable.ts";
import type { MutableObject, MutableValue } from "../meta/mutable.ts";
import type { FieldSchema, ValueSchema } from "../schema/type-schema.ts";
import { fieldSchema } from "../schema/type-table.ts";
import { isOmittedScalar, zeroOfField, zeroOfValue } from "../schema/zero-values.ts";
import { conversionText } from "./conversion-text.ts";
import { noteEmptied } from "./emptied.ts";
import { findingsMax } from "./findings.ts";
import type { Finding } from "./findings.ts";
import { jsonType, readScalar, WrongValue } from "./scalars.ts";

/** Where the reader is; grows and shrinks with the walk. */
interface Context {
  readonly findings: Finding[];
  /** As strict errors show it: `.spec`, `.containers`, `[0]`. */
  readonly path: string[];
  /** As Go's type errors show it: field names and inlined structs, no indexes and no map keys. */
  readonly goPath: string[];
  struct: string;
  wrongTypeFound: boolean;
}
type Read = (value: JsonValue, context: Context) => MutableValue;

interface CompiledField {
  readonly schema: FieldSchema;
  readonly slot: number;
  readonly read: Read;
  readonly goNames: readonly string[];
}

const readers = new Map<string, Read>();

export interface StructureResult {
  readonly object: MutableObject;
  readonly findings: readonly Finding[];
}

/**
 * Reads `object` as `typeName`: the canonical document and what was wrong with the given one.
 * With a `wrongType` finding the document must be refused; the value in question is missing from the result.
 * Cost: O(document).
 */
export function readStructure(typeName: string, object: JsonObject): StructureResult {
  const context: Context = { findings: [], path: [], goPath: [], struct: "", wrongTypeFound: false };
  return { object: readerOf(typeName)(object, context) as MutableObject, findings: context.findings };
}

/** What is wrong with the form of `object`: unknown fields and the first wrong type. Duplicate keys: see `parseJson`. */
export function checkStructure(typeName: string, object: JsonObject): readonly Finding[] {
  return readStructure(typeName, object).findings;
}

/** `object` without what its type lacks, in canonical form; a copy. */
export function prune(typeName: string, object: JsonObject): MutableObject {
  return readStructure(typeName, object).object;
}

function readerOf(typeName: string): Read {
  const known = readers.get(typeName);
  if (known !== undefined) return known;
  let compiled: Read | undefined;
  const lazy: Read = (value, context) => (compiled ??= compileObject(typeName))(value, context);
  readers.set(typeName, lazy);
  return lazy;
}

function compileObject(typeName: string): Read {
  const struct = typeName.slice(typeName.lastIndexOf(".") + 1);
  const fields: CompiledField[] = [...fieldSchema(typeName).values()].map((schema, slot) => ({
    schema,
    slot,
    read: compileValue(schema.value, schema.goTypeName),
    goNames: schema.inlinedGoStruct === "" ? [schema.name] : [...schema.inlinedGoStruct.split("."), schema.name],
  }));
  const byName = new Map(fields.map((field) => [field.schema.name, field]));
  const goType = goTypeOf({ kind: "object", typeName });
  return (value, context) => {
    const slots = new Array<MutableValue | undefined>(fields.length);
    if (!isJsonObject(value)) foundWrongType(context, { kind: "object", typeName }, jsonType(value), goType);
    else {
      const outer = context.struct;
      context.struct = struct;
      for (const name of Object.keys(value)) readField(byName.get(name), name, value[name], slots, context);
      context.struct = outer;
    }
    const object: MutableObject = {};
    for (const { schema, slot } of fields) {
      const held = slots[slot] ?? zeroOfField(schema);
      if (held === undefined) continue;
      if (!isLeftOut(schema, held)) object[schema.name] = held;
      else if (schema.value.kind !== "scalar") noteEmptied(object, schema.name, held);
    }
    return object;
  };
}

function readField(
  field: CompiledField | undefined,
  name: string,
  value: JsonValue | undefined,
  slots: (MutableValue | undefined)[],
  context: Context,
): void {
  if (value === undefined) return;
  if (field === undefined) {
    found(context, { kind: "unknownField", path: pathText([...context.path, `.${name}`]) });
    return;
  }
  if (value === null) return;
  context.path.push(`.${name}`);
  context.goPath.push(...field.goNames);
  try {
    slots[field.slot] = field.read(value, context);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  context.goPath.length -= field.goNames.length;
  context.path.pop();
}

/** `omitempty`: empty lists and maps, and zero scalars that are not behind a pointer. */
function isLeftOut(field: FieldSchema, value: MutableValue): boolean {
  if (field.writtenWhenZero) return false;
  switch (field.value.kind) {
    case "list":
      return Array.isArray(value) && value.length === 0;
    case "map":
      return value !== null && Object.keys(value).length === 0;
    case "scalar":
      return isOmittedScalar(field, value);
    case "any":
    case "object":
      return false;
  }
}

function compileValue(value: ValueSchema, goName: string | undefined): Read {
  const goType = goName ?? goTypeOf(value);
  switch (value.kind) {
    case "scalar": {
      const { scalar } = value;
      return (held, context) => {
        try {
          return readScalar(scalar, held);
        } catch (error) {
          return refuse(error as Error, context, value, goType);
        }
      };
    }
    case "any":
      return isSchemaUnion(value.typeName) ? readSchemaUnion : (held) => deepCopyValue(held);
    case "object":
      return readerOf(value.typeName);
    case "list": {
      const read = compileValue(value.items, itemGoName(goName));
      return (held, context) => {
        if (!Array.isArray(held)) return refuse(new WrongValue(jsonType(held)), context, value, goType);
        return (held as readonly JsonValue[]).map((item, index) =>
          readItem(read, value.items, item, `[${index}]`, context),
        );
      };
    }
    case "map": {
      const read = compileValue(value.values, itemGoName(goName));
      return (held, context) => {
        if (!isJsonObject(held)) return refuse(new WrongValue(jsonType(held)), context, value, goType);
        const map: MutableObject = {};
        const keys = Object.keys(held);
        for (const key of keys) setOwn(map, key, readItem(read, value.values, held[key] ?? null, `.${key}`, context));
        return keys.every((key, i) => i === 0 || (keys[i - 1] ?? "") <= key) ? map : sortedMap(map);
      };
    }
  }
}

/** Go writes maps in the order of their keys. What is wrong in them was found in the order of the document. */
function sortedMap(map: MutableObject): MutableObject {
  const sorted: MutableObject = {};
  for (const key of Object.keys(map).sort()) setOwn(sorted, key, map[key] ?? null);
  return sorted;
}

const jsonSchemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/** In the schemas of custom resources: a schema, or a truth value, a list of schemas, a list of texts. */
function isSchemaUnion(typeName: string): boolean {
  return typeName.startsWith(`${jsonSchemaProps}Or`);
}

/** Schemas inside are read like others, but what they lack is left out without a word, as Kubernetes does. */
function readSchemaUnion(held: JsonValue, context: Context): MutableValue {
  if (Array.isArray(held)) {
    return (held as readonly JsonValue[]).map((item) =>
      isJsonObject(item) ? readSchemaUnion(item, context) : deepCopyValue(item),
    );
  }
  if (!isJsonObject(held)) return deepCopyValue(held);
  const quiet: Context = { ...context, findings: [] };
  const schema = readerOf(jsonSchemaProps)(held, quiet);
  context.wrongTypeFound = quiet.wrongTypeFound;
  context.findings.push(...quiet.findings.filter(({ kind }) => kind === "wrongType"));
  return schema;
}

function readItem(read: Read, schema: ValueSchema, item: JsonValue, step: string, context: Context): MutableValue {
  if (item === null) return zeroOfValue(schema);
  context.path.push(step);
  try {
    return read(item, context);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return zeroOfValue(schema);
  } finally {
    context.path.pop();
  }
}

/** Unwinds to the field or item whose value was refused; the finding is already noted. */
class Unreadable extends Error {
  override readonly name = "Unreadable";
}

function refuse(error: Error, context: Context, schema: ValueSchema, goType: string): never {
  if (error instanceof WrongValue && error.came !== undefined)
    foundWrongType(context, schema, error.came, error.wanted ?? goType);
  else foundWrong(context, error.message, error.message);
  throw new Unreadable();
}

function foundWrongType(context: Context, schema: ValueSchema, came: string, goType: string): void {
  const where = context.struct === "" ? "Go value" : `Go struct field ${context.struct}.${context.goPath.join(".")}`;
  const message = `json: cannot unmarshal ${came} into ${where} of type ${goType}`;
  foundWrong(context, message, conversionText(schema, came, goType));
}

function foundWrong(context: Context, message: string, conversion: string): void {
  if (context.wrongTypeFound) return;
  context.wrongTypeFound = true;
  context.findings.push({ kind: "wrongType", path: pathText(context.path), message, conversion });
}

function found(context: Context, finding: Finding): void {
  if (context.findings.length < findingsMax) context.findings.push(finding);
}

function pathText(steps: readonly string[]): string {
  return steps.join("").replace(/^\./, "");
}

/** `[]v1.PolicyType` and `map[v1.QualifiedName]v1.PolicyType` have the items `v1.PolicyType`; other names hide theirs. */
function itemGoName(goName: string | undefined): string | undefined {
  return /^(?:\[\]|map\[[^\]]+\])(.+)$/.exec(goName ?? "")?.[1];
}

function goTypeOf(value: ValueSchema): string {
  switch (value.kind) {
    case "list":
      return `[]${goTypeOf(value.items)}`;
    case "map":
      return value.values.kind === "scalar" && value.values.scalar === "quantity"
        ? "v1.ResourceList"
        : `map[string]${goTypeOf(value.values)}`;
    case "any":
    case "object":
      return value.typeName.split(".").slice(-2).join(".");
    case "scalar":
      return goScalars[value.scalar] ?? value.scalar;
  }
}

const goScalars: Readonly<Record<string, string>> = {
  boolean: "bool",
  double: "float64",
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  intOrString: "intstr.IntOrString",
  time: "v1.Time",
  microTime: "v1.MicroTime",
};

function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
