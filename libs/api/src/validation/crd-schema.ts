// Schemas of custom resources: OpenAPI v3 as Kubernetes allows it. Two readings go over the same tree: what is supported at
// all, and what makes the schema structural (every field has a type; combinations say nothing new about structure).
// Source: CustomResourceDefinition documentation, "Specifying a structural schema".
import type { JsonObject, JsonValue } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { isList, isObject } from "../meta/mutable.ts";
import type { Errors } from "./basics.ts";
import { checkDefault } from "./crd-defaults.ts";
import { checkListType } from "./crd-lists.ts";
import { checkSchemaRules } from "./crd-rules.ts";

/** A node of the tree as it stands in the document. */
export interface SchemaNode extends JsonObject {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: JsonValue;
  readonly additionalProperties?: JsonValue;
  readonly nullable?: boolean;
  readonly default?: JsonValue;
}

type Level = "root" | "field" | "item" | "value";

const typeNames = ["array", "boolean", "integer", "number", "object", "string"];
const unsupportedFields = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];
const combinations = ["allOf", "anyOf", "oneOf"];
/** What may not stand inside a combination: it would say something about structure or presentation. */
const structuralFields = ["type", "title", "description", "default", "nullable", "additionalProperties"];
const structuralExtensions = [
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
];
const missingType: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  field: "must not be empty for specified object fields",
  item: "must not be empty for specified array items",
  value: "must not be empty for specified object fields",
};

/** @param path of the schema: `spec.validation.openAPIV3Schema` where all versions have the same */
export function validateSchema(path: string, schema: SchemaNode, hasStatus: boolean): readonly FieldError[] {
  const errors: Errors = [];
  if (hasStatus && schema.type !== undefined && schema.type !== "object") {
    const text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    errors.push(invalid(`${path}.type`, schema.type, text));
  }
  checkNode(errors, path, schema, "root");
  return errors;
}

function checkNode(errors: Errors, path: string, node: SchemaNode, level: Level): void {
  checkSupported(errors, path, node);
  checkStructure(errors, path, node, level);
  checkListType(errors, path, node);
  checkSchemaRules(errors, path, node, level === "root");
  if (node.default !== undefined) {
    if (level === "root") errors.push(forbidden(`${path}.default`, "must not be set at the root"));
    else checkDefault(errors, `${path}.default`, node, node.default);
  }
  for (const [name, child] of sorted(node.properties)) checkNode(errors, `${path}.properties[${name}]`, child, "field");
  const items = isObject(node.items) ? (node.items as SchemaNode) : undefined;
  if (items !== undefined) checkNode(errors, `${path}.items`, items, "item");
  const values = node.additionalProperties;
  if (isObject(values)) checkNode(errors, `${path}.additionalProperties`, values, "value");
  for (const combination of combinations) {
    const parts = node[combination];
    if (isList(parts)) parts.forEach((part, i) => checkNested(errors, `${path}.${combination}[${i}]`, part, node));
  }
  if (node["not"] !== undefined) checkNested(errors, `${path}.not`, node["not"], node);
}

function sorted(properties: SchemaNode["properties"]): readonly (readonly [string, SchemaNode])[] {
  return Object.entries(properties ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
}

/** What Kubernetes' schemas can't say. */
function checkSupported(errors: Errors, path: string, node: SchemaNode): void {
  for (const field of unsupportedFields) {
    if (node[field] !== undefined) errors.push(forbidden(`${path}.${field}`, `${field} is not supported`));
  }
  const { type = "" } = node;
  if (type === "null") {
    errors.push(forbidden(`${path}.type`, "type cannot be set to null, use nullable as an alternative"));
  } else if (type !== "" && !typeNames.includes(type)) {
    errors.push(notSupported(`${path}.type`, type, typeNames));
  }
  if (isList(node.items)) errors.push(forbidden(`${path}.items`, "items must be a schema object and not an array"));
  if (node["uniqueItems"] === true) {
    const text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(forbidden(`${path}.uniqueItems`, text));
  }
  if (node["x-kubernetes-preserve-unknown-fields"] === false) {
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"));
  }
  checkAdditional(errors, path, node);
  checkMapType(errors, path, node);
}

function checkAdditional(errors: Errors, path: string, node: SchemaNode): void {
  const { additionalProperties: additional } = node;
  const field = `${path}.additionalProperties`;
  if (additional === false) errors.push(forbidden(field, "additionalProperties cannot be set to false"));
  else if (isObject(additional) && Object.keys(node.properties ?? {}).length > 0) {
    errors.push(forbidden(field, "additionalProperties and properties are mutual exclusive"));
  }
}

function checkMapType(errors: Errors, path: string, node: SchemaNode): void {
  const mapType = node["x-kubernetes-map-type"];
  if (mapType === undefined) return;
  const text = "must be object if x-kubernetes-map-type is specified";
  if (node.type === undefined) errors.push(required(`${path}.type`, text));
  else if (node.type !== "object") errors.push(invalid(`${path}.type`, node.type, text));
  if (mapType !== "atomic" && mapType !== "granular") {
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
  }
}

function checkStructure(errors: Errors, path: string, node: SchemaNode, level: Level): void {
  const { type = "" } = node;
  const keepsAll = node["x-kubernetes-preserve-unknown-fields"] === true;
  const intOrString = node["x-kubernetes-int-or-string"] === true;
  const embedded = node["x-kubernetes-embedded-resource"] === true;
  if (embedded && type !== "object") {
    const text = "must be object if x-kubernetes-embedded-resource is true";
    errors.push(type === "" ? required(`${path}.type`, text) : invalid(`${path}.type`, type, text));
  } else if (type === "" && !intOrString && !(keepsAll && level !== "root")) {
    errors.push(required(`${path}.type`, missingType[level]));
  }
  if (level === "root" && type !== "" && type !== "object") {
    errors.push(invalid(`${path}.type`, type, "must be object at the root"));
  }
  if (type === "array" && !isObject(node.items)) errors.push(required(`${path}.items`, "must be specified"));
  if (embedded && node.additionalProperties !== undefined) {
    const text = "must not be used if x-kubernetes-embedded-resource is set";
    errors.push(forbidden(`${path}.additionalProperties`, text));
  }
  if (embedded && !keepsAll && Object.keys(node.properties ?? {}).length === 0) {
    const text =
      "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
    errors.push(required(`${path}.properties`, text));
  }
  if (intOrString && type !== "") {
    errors.push(invalid(`${path}.type`, type, "must be empty if x-kubernetes-int-or-string is true"));
  }
  if (level === "root" || embedded) checkObjectFields(errors, path, node.properties ?? {});
}

/** kind, apiVersion and metadata of objects are Kubernetes' own: a schema may only repeat it. */
function checkObjectFields(errors: Errors, path: string, properties: NonNullable<SchemaNode["properties"]>): void {
  for (const [name, type] of [
    ["apiVersion", "string"],
    ["kind", "string"],
    ["metadata", "object"],
  ] as const) {
    const found = properties[name];
    const field = `${path}.properties[${name}].type`;
    if (found !== undefined && found.type !== type) errors.push(invalid(field, found.type ?? "", `must be ${type}`));
  }
  const inside = Object.keys(properties["metadata"]?.properties ?? {});
  if (inside.some((name) => name !== "name" && name !== "generateName")) {
    const text = "must not specify anything other than name and generateName, but metadata is implicitly specified";
    errors.push(forbidden(`${path}.properties[metadata]`, text));
  }
}

/** A part of a combination: conditions on values only, and only of fields that the schema around it has. */
function checkNested(errors: Errors, path: string, part: JsonValue, around: SchemaNode): void {
  if (!isObject(part)) return;
  const isIntOrString = around["x-kubernetes-int-or-string"] === true;
  for (const field of structuralFields) {
    const allowed = part[field] === undefined || (field === "type" && isIntOrString);
    if (!allowed) errors.push(forbidden(`${path}.${field}`, "must be empty to be structural"));
  }
  for (const field of structuralExtensions) {
    if (part[field] === true) errors.push(forbidden(`${path}.${field}`, "must be false to be structural"));
  }
  const node = part as SchemaNode;
  for (const [name, child] of sorted(node.properties)) {
    const known = around.properties?.[name];
    const field = `${path}.properties[${name}]`;
    if (known === undefined) errors.push(required(outerPath(field), `because it is defined in ${field}`));
    else checkNested(errors, field, child, known);
  }
  if (isObject(node.items)) {
    if (isObject(around.items)) checkNested(errors, `${path}.items`, node.items, around.items);
    else errors.push(required(outerPath(`${path}.items`), `because it is defined in ${path}.items`));
  }
  for (const combination of combinations) {
    const parts = part[combination];
    if (isList(parts)) parts.forEach((one, i) => checkNested(errors, `${path}.${combination}[${i}]`, one, around));
  }
  if (part["not"] !== undefined) checkNested(errors, `${path}.not`, part["not"], around);
}

/** The same field outside of the combinations that the path goes through. */
function outerPath(path: string): string {
  return path.replace(/\.(?:allOf|anyOf|oneOf)\[\d+\]|\.not(?=\.|$)/g, "");
}
