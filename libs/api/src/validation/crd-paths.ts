// Paths into custom resources: columns of tables, the numbers of `scale`, fields for selectors.
import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresourceScale,
  SelectableField,
} from "../generated/types.generated.ts";
import { duplicate, invalid, required, tooMany } from "../meta/field-error.ts";
import type { Errors } from "./basics.ts";
import type { SchemaNode } from "./crd-schema.ts";
import type { Sparse } from "./sparse.ts";

const columnTypes = ["integer", "number", "string", "boolean", "date"];
const columnFormats = ["int32", "int64", "float", "double", "byte", "date", "date-time", "password"];
const selectableFieldsMax = 8;
/** `.spec.replicas`, `.a["b"]`, `.a[0].b`: what a simple path is made of. */
const simplePath = /^(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[(?:\d+|\*|'[^']*'|"[^"]*"|\?\([^()]*\))\])+$/;
const fieldPath = /^(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[(?:'[^']*'|"[^"]*")\])+$/;

export function checkColumns(
  errors: Errors,
  path: string,
  columns: readonly Sparse<CustomResourceColumnDefinition>[],
): void {
  columns.forEach(({ name = "", type = "", format = "", jsonPath = "" }, i) => {
    const field = `${path}[${i}]`;
    if (name === "") errors.push(required(`${field}.name`));
    if (type === "") errors.push(required(`${field}.type`, `must be one of ${columnTypes.join(",")}`));
    else if (!columnTypes.includes(type)) {
      errors.push(invalid(`${field}.type`, type, `must be one of ${columnTypes.join(",")}`));
    }
    if (format !== "" && !columnFormats.includes(format)) {
      errors.push(invalid(`${field}.format`, format, `must be one of ${columnFormats.join(",")}`));
    }
    if (jsonPath === "") errors.push(required(`${field}.JSONPath`));
    else if (!jsonPath.startsWith(".") || !simplePath.test(jsonPath)) {
      errors.push(invalid(`${field}.JSONPath`, jsonPath, "must be a simple json path starting with ."));
    }
  });
}

export function checkScale(errors: Errors, path: string, scale: Sparse<CustomResourceSubresourceScale>): void {
  const { specReplicasPath = "", statusReplicasPath = "", labelSelectorPath = "" } = scale;
  for (const [name, value, roots] of [
    ["specReplicasPath", specReplicasPath, [".spec"]],
    ["statusReplicasPath", statusReplicasPath, [".status"]],
    ["labelSelectorPath", labelSelectorPath, [".spec", ".status"]],
  ] as const) {
    const field = `${path}.${name}`;
    if (value === "") {
      if (name !== "labelSelectorPath") errors.push(required(field));
    } else if (!simplePath.test(value)) {
      errors.push(invalid(field, value, "must be a simple json path with dot notation"));
    } else if (!roots.some((root) => value.startsWith(`${root}.`))) {
      errors.push(invalid(field, value, `should be a json path under ${roots.map((root) => root).join(" or ")}`));
    }
  }
}

/** @param schema undefined: the version has none, so nothing can be selected */
export function checkSelectable(
  errors: Errors,
  path: string,
  fields: readonly Sparse<SelectableField>[],
  schema: SchemaNode | undefined,
): void {
  if (fields.length === 0) return;
  if (schema === undefined) {
    errors.push(invalid(path, "", "may only be set when validations.schema is included"));
    return;
  }
  if (fields.length > selectableFieldsMax) errors.push(tooMany(path, fields.length, selectableFieldsMax));
  const paths = fields.map(({ jsonPath = "" }) => jsonPath);
  paths.forEach((jsonPath, i) => {
    const field = `${path}[${i}].jsonPath`;
    if (jsonPath === "") {
      errors.push(required(field));
      return;
    }
    if (paths.indexOf(jsonPath) < i) errors.push(duplicate(field, jsonPath));
    checkSelectablePath(errors, field, jsonPath, schema);
  });
}

function checkSelectablePath(errors: Errors, field: string, jsonPath: string, schema: SchemaNode): void {
  if (!jsonPath.startsWith(".") || !fieldPath.test(jsonPath)) {
    errors.push(invalid(field, jsonPath, "is an invalid path: must be a simple json path starting with ."));
    return;
  }
  const names = [...jsonPath.matchAll(/\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']*)'\]|\["([^"]*)"\]/g)].map(
    ([, plain, single, double]) => plain ?? single ?? double ?? "",
  );
  if (names[0] === "metadata") {
    errors.push(invalid(field, jsonPath, "must not point to fields in metadata"));
    return;
  }
  let node: SchemaNode | undefined = schema;
  for (const name of names) node = node?.properties?.[name];
  if (node === undefined) {
    errors.push(invalid(field, jsonPath, "is an invalid path: does not refer to a valid field"));
  } else if (!["string", "boolean", "integer"].includes(node.type ?? "")) {
    const text =
      "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
    errors.push(invalid(field, jsonPath, text));
  }
}
