// Lists in schemas of custom resources: what `x-kubernetes-list-type` demands of the items.
import type { JsonValue } from "../json.ts";
import { forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { isObject } from "../meta/mutable.ts";
import type { Errors } from "./basics.ts";
import type { SchemaNode } from "./crd-schema.ts";

const typeField = "x-kubernetes-list-type";
const keysField = "x-kubernetes-list-map-keys";

export function checkListType(errors: Errors, path: string, node: SchemaNode): void {
  const listType = node[typeField] as string | undefined;
  const keys = (node[keysField] ?? []) as readonly string[];
  const { type = "" } = node;
  if (listType !== undefined) {
    const text = "must be array if x-kubernetes-list-type is specified";
    if (type === "") errors.push(required(`${path}.type`, text));
    else if (type !== "array") errors.push(invalid(`${path}.type`, type, text));
    if (!["atomic", "set", "map"].includes(listType)) {
      errors.push(notSupported(`${path}.${typeField}`, listType, ["atomic", "set", "map"]));
    }
  }
  if (keys.length > 0 && listType !== "map") {
    const text = "must be map if x-kubernetes-list-map-keys is non-empty";
    const field = `${path}.${typeField}`;
    errors.push(listType === undefined ? required(field, text) : invalid(field, listType, text));
  }
  if (listType === "map") checkMapList(errors, path, node, keys);
  if (listType === "set" && isObject(node.items)) checkSetItems(errors, `${path}.items`, node.items);
}

function checkMapList(errors: Errors, path: string, node: SchemaNode, keys: readonly string[]): void {
  const keysPath = `${path}.${keysField}`;
  if (keys.length === 0) errors.push(required(keysPath, "must not be empty if x-kubernetes-list-type is map"));
  if (node.items === undefined) {
    errors.push(required(`${path}.items`, "must have a schema if x-kubernetes-list-type is map"));
    return;
  }
  if (!isObject(node.items)) {
    const shown: JsonValue = { Schema: null, JSONSchemas: null };
    errors.push(invalid(`${path}.items`, shown, "must only have a single schema if x-kubernetes-list-type is map"));
    return;
  }
  const items = node.items as SchemaNode;
  if (items.type !== "object") {
    const text = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(invalid(`${path}.items.type`, items.type ?? "", text));
  }
  if (new Set(keys).size < keys.length) errors.push(invalid(keysPath, keys, "must not contain duplicate entries"));
  for (const key of new Set(keys)) checkKey(errors, path, items, key, keys);
}

/** A key must be a scalar that every item has, given or by default. */
function checkKey(errors: Errors, path: string, items: SchemaNode, key: string, keys: readonly string[]): void {
  const property = items.properties?.[key];
  if (property === undefined) {
    errors.push(invalid(`${path}.${keysField}`, keys, "entries must all be names of item properties"));
    return;
  }
  const field = `${path}.items.properties[${key}]`;
  if (property.type === "array" || property.type === "object") {
    const text = "must be a scalar type if parent array's x-kubernetes-list-type is map";
    errors.push(invalid(`${field}.type`, property.type, text));
  }
  const isRequired = items.required?.includes(key) === true;
  const because = "this property is in x-kubernetes-list-map-keys, so it";
  if (!isRequired && property.default === undefined) {
    errors.push(required(`${field}.default`, `${because} must have a default or be a required property`));
  }
  if (property.nullable === true) errors.push(forbidden(`${field}.nullable`, `${because} cannot be nullable`));
}

/** Items of a set are compared as wholes. */
function checkSetItems(errors: Errors, path: string, items: SchemaNode): void {
  if (items.nullable === true) {
    errors.push(forbidden(`${path}.nullable`, "cannot be nullable when x-kubernetes-list-type is set"));
  }
  for (const [type, field] of [
    ["array", typeField],
    ["object", "x-kubernetes-map-type"],
  ] as const) {
    if (items.type !== type || items[field] === "atomic") continue;
    const text = "must be atomic as item of a list with x-kubernetes-list-type=set";
    const found = items[field];
    errors.push(found === undefined ? required(`${path}.${field}`, text) : invalid(`${path}.${field}`, found, text));
  }
}
