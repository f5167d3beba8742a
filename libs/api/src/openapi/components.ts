// OpenAPI v3 schemas out of the type table.
import { descriptionOf } from "../descriptions/descriptions.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { zeroOfField } from "../schema/zero-values.ts";
import type { FieldSchema, ScalarKind, ValueSchema } from "../schema/type-schema.ts";
import { typeSchema } from "../schema/type-table.ts";

type Writable = Record<string, JsonValue | undefined>;

const scalarComponents: Readonly<Partial<Record<ScalarKind, readonly [typeName: string, schema: JsonObject]>>> = {
  time: ["io.k8s.apimachinery.pkg.apis.meta.v1.Time", { type: "string", format: "date-time" }],
  microTime: ["io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", { type: "string", format: "date-time" }],
  quantity: ["io.k8s.apimachinery.pkg.api.resource.Quantity", { oneOf: [{ type: "string" }, { type: "number" }] }],
  intOrString: [
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    { oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string" },
  ],
};
const plainScalars: Readonly<Partial<Record<ScalarKind, JsonObject>>> = {
  string: { type: "string" },
  duration: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  bytes: { type: "string", format: "byte" },
};

export function schemaRef(typeName: string): JsonObject {
  return { $ref: `#/components/schemas/${typeName}` };
}

/** The schemas of `roots` and of all they refer to, by type name in sorted order. */
export function componentSchemas(roots: Iterable<string>): JsonObject {
  const schemas = new Map<string, JsonObject>();
  const pending = [...roots];
  const refer = (typeName: string): JsonObject => {
    if (!schemas.has(typeName)) pending.push(typeName);
    return schemaRef(typeName);
  };
  for (let typeName = pending.pop(); typeName !== undefined; typeName = pending.pop()) {
    if (schemas.has(typeName)) continue;
    schemas.set(typeName, {});
    schemas.set(typeName, { ...described(typeName), ...componentSchema(typeName, refer) });
  }
  return Object.fromEntries([...schemas].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** @returns the sentence on a type or one of its fields, where there is one */
function described(typeName: string, fieldName = ""): { readonly description?: string } {
  const description = descriptionOf(typeName, fieldName);
  return description === undefined ? {} : { description };
}

function componentSchema(typeName: string, refer: (typeName: string) => JsonObject): JsonObject {
  const scalar = Object.values(scalarComponents).find(([name]) => name === typeName);
  if (scalar !== undefined) return scalar[1];
  const type = typeSchema(typeName);
  if (type === undefined) return typeName.includes(".JSON") ? {} : { type: "object" };
  const properties: Record<string, JsonObject> = {};
  const required: string[] = [];
  for (const field of type.fields.values()) {
    properties[field.name] = fieldProperty(field, described(typeName, field.name), refer);
    if (field.required) required.push(field.name);
  }
  return {
    type: "object",
    ...(type.fields.size > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required: required.sort() } : {}),
    ...(type.mapType === "atomic" ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...(type.groupVersionKinds.length > 0
      ? { "x-kubernetes-group-version-kind": type.groupVersionKinds.map((gvk) => ({ ...gvk })) }
      : {}),
  };
}

function fieldProperty(
  field: FieldSchema,
  description: { readonly description?: string },
  refer: (typeName: string) => JsonObject,
): JsonObject {
  const property: Writable = { ...valueSchema(field.value, refer) };
  const extensions: Writable = { ...description };
  if (field.listType !== undefined) extensions["x-kubernetes-list-type"] = field.listType;
  if (field.listMapKeys.length > 0) extensions["x-kubernetes-list-map-keys"] = field.listMapKeys;
  if (field.mapType !== undefined) extensions["x-kubernetes-map-type"] = field.mapType;
  if (field.patchStrategy.length > 0) extensions["x-kubernetes-patch-strategy"] = field.patchStrategy.join(",");
  if (field.patchMergeKey !== undefined) extensions["x-kubernetes-patch-merge-key"] = field.patchMergeKey;
  const fallback = field.keyDefault ?? defaultOf(field);
  if (fallback !== undefined) extensions["default"] = fallback;
  // Nothing may stand beside a `$ref`.
  const { $ref } = property;
  return $ref !== undefined && Object.keys(extensions).length > 0
    ? { allOf: [{ $ref }], ...extensions }
    : { ...property, ...extensions };
}

/** What is always there has its zero value as default: `{}` for a struct, `""` for a required text. */
function defaultOf(field: FieldSchema): JsonValue | undefined {
  if (field.pointer || field.value.kind === "list" || field.value.kind === "map" || field.value.kind === "any")
    return undefined;
  if (field.value.kind === "object") return {};
  return field.writtenWhenZero ? (zeroOfField(field) ?? undefined) : undefined;
}

function valueSchema(value: ValueSchema, refer: (typeName: string) => JsonObject): JsonObject {
  switch (value.kind) {
    case "scalar": {
      const component = scalarComponents[value.scalar];
      return component === undefined ? (plainScalars[value.scalar] ?? {}) : refer(component[0]);
    }
    case "any":
      return value.typeName === "" ? {} : refer(value.typeName);
    case "object":
      return refer(value.typeName);
    case "list":
      return { type: "array", items: valueSchema(value.items, refer) };
    case "map":
      return { type: "object", additionalProperties: valueSchema(value.values, refer) };
  }
}
