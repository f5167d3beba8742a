// Writes the tables libs/api works from, libs/api/src/generated/{definitions,resources}.json, from facts about Kubernetes 1.36.
// Usage: node tools/generate/api-schema.ts FACTS_FOLDER
//   openapi-v1.36.json       definitions: fields, formats, list and map types, patch strategies, kinds
//   protobuf-v1.37.json      field numbers, and which messages JSON inlines
//   pointer-*.tsv            fields whose zero value is kept
//   apply-types-v1.37.tsv    zero defaults (a field that Go always writes) and defaults of list keys
//   recorded/conversations.jsonl   discovery documents, and the Go type names that decoding errors show
// Only definitions reachable from stable versions are written.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  nullWhenMissing,
  omittedWhenZero,
  pointersToOtherPackages,
  structsOmittedWhenZero,
  writtenWhenZero,
} from "./go-facts.ts";
import { goTypeNames } from "./go-type-names.ts";
import { discoveredResources } from "./discovered-resources.ts";
import { protoLocations } from "./proto-locations.ts";
import type { Definition, ProtoTable } from "./facts.ts";

const factsFolder = process.argv[2];
if (factsFolder === undefined) throw new Error("usage: node tools/generate/api-schema.ts FACTS_FOLDER");
const read = (name: string): string => readFileSync(join(factsFolder, name), "utf8");
const rows = (name: string): string[][] =>
  read(name)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t"));

const { definitions } = JSON.parse(read("openapi-v1.36.json")) as { definitions: Record<string, Definition> };
const protobuf = JSON.parse(read("protobuf-v1.37.json")) as ProtoTable;
const exchanges = read("recorded/conversations.jsonl");

/** Kinds that clients ask for and the description does not define. */
definitions["io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata"] = {
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
  },
  "x-kubernetes-group-version-kind": [{ group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadata" }],
};
definitions["io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList"] = {
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta" },
    items: {
      type: "array",
      items: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata" },
    },
  },
  required: ["items"],
  "x-kubernetes-group-version-kind": [{ group: "meta.k8s.io", version: "v1", kind: "PartialObjectMetadataList" }],
};

const pointers = new Set<string>();
for (const table of ["pointer-fields-v1.37.tsv", "pointer-named-v1.37.tsv"])
  for (const [folder = "", type = "", field = ""] of rows(table))
    pointers.add(`io.k8s.${folder.replaceAll("/", ".")}.${type} ${field}`);

const applyFacts = new Map<string, { default?: unknown }>();
for (const [type = "", field = "", facts = "{}"] of rows("apply-types-v1.37.tsv"))
  applyFacts.set(`${type} ${field}`, JSON.parse(facts) as { default?: unknown });

const applyTypes = new Set([...applyFacts.keys()].map((key) => key.slice(0, key.indexOf(" "))));

const scalarRefs: Readonly<Record<string, string>> = {
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microTime",
  "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intOrString",
};
const freeForm =
  /\.(RawExtension|FieldsV1|Patch|JSON|JSONSchemaPropsOrArray|JSONSchemaPropsOrBool|JSONSchemaPropsOrStringArray)$/;
const refOf = (ref: string): string => ref.slice("#/definitions/".length);
const shortenRef = (name: string): string => name.replace(/^io\.k8s\./, "");

/** A value as a short text: `string`, `[]@api.core.v1.Container`, `{}quantity`, `?RawExtension` for free-form JSON. */
function valueText(schema: Definition, protoType: string): string {
  if (schema.$ref !== undefined) {
    const name = refOf(schema.$ref);
    const scalar = scalarRefs[name];
    if (scalar !== undefined) return scalar;
    return freeForm.test(name) ? `?${shortenRef(name)}` : `@${shortenRef(name)}`;
  }
  const inner = protoType.replace(/^repeated |^map<string,|>$/g, "");
  if (schema.items !== undefined) return `[]${valueText(schema.items, inner)}`;
  if (schema.additionalProperties !== undefined) return `{}${valueText(schema.additionalProperties, inner)}`;
  switch (schema.type) {
    case "boolean":
      return "boolean";
    case "integer":
      return schema.format ?? (inner.startsWith("int") ? inner : "int32");
    case "number":
      return "double";
    case "string":
      return schema.format === "byte" || inner === "bytes" ? "bytes" : "string";
    default:
      return "?";
  }
}

const stable = /\.v\d+\.[^.]+$/;
const wanted = Object.keys(definitions).filter(
  (name) => stable.test(name) && definitions[name]?.["x-kubernetes-group-version-kind"],
);
for (const name of wanted)
  for (const field of Object.values(definitions[name]?.properties ?? {})) {
    for (
      let schema: Definition | undefined = field;
      schema !== undefined;
      schema = schema.items ?? schema.additionalProperties
    )
      if (schema.$ref !== undefined && !wanted.includes(refOf(schema.$ref))) wanted.push(refOf(schema.$ref));
  }

const locations = protoLocations(definitions, protobuf);
const goTypes = goTypeNames();
const lines: string[] = [];
for (const name of wanted.sort()) {
  const definition = definitions[name] ?? {};
  if (scalarRefs[name] !== undefined || freeForm.test(name)) continue;
  const located = locations.get(name) ?? new Map<string, never>();
  const order = [...located.keys()];
  const rank = (field: string): number => {
    const found = order.indexOf(field);
    return field === "kind" && found < 0
      ? -2
      : field === "apiVersion" && found < 0
        ? -1
        : found < 0
          ? order.length
          : found;
  };
  const fields: Record<string, unknown[]> = {};
  for (const field of Object.keys(definition.properties ?? {}).sort((left, right) => rank(left) - rank(right))) {
    const schema = definition.properties?.[field] ?? {};
    const location = located.get(field);
    const text = valueText(schema, location?.type ?? "");
    const known = applyFacts.get(`${name} ${field}`);
    const isZero = known?.default === "" || known?.default === 0 || known?.default === false;
    const facts: Record<string, unknown> = {};
    const required = definition.required?.includes(field) === true;
    if (required) facts["r"] = 1;
    const id = `${shortenRef(name)} ${field}`;
    const inTable = pointers.has(`${location?.owner ?? name} ${field}`) || pointers.has(`${name} ${field}`);
    // A struct that the apply tables give no default is behind a pointer.
    const structPointer = text.startsWith("@") && applyTypes.has(name) && known?.default === undefined;
    if (inTable || structPointer || pointersToOtherPackages.has(id)) facts["p"] = 1;
    const isList = text.startsWith("[]") || text.startsWith("{}");
    const written = isList || !applyTypes.has(name) ? required || isZero : isZero;
    const always = writtenWhenZero.has(id);
    if (always || (written && !text.startsWith("@") && !omittedWhenZero.has(id))) facts["z"] = 1;
    if (structsOmittedWhenZero.has(id)) facts["o"] = 1;
    if (nullWhenMissing.has(id)) facts["w"] = 1;
    if (schema["x-kubernetes-list-type"] !== undefined) facts["l"] = schema["x-kubernetes-list-type"];
    if (schema["x-kubernetes-list-map-keys"] !== undefined) facts["k"] = schema["x-kubernetes-list-map-keys"];
    if (schema["x-kubernetes-map-type"] !== undefined) facts["m"] = schema["x-kubernetes-map-type"];
    if (schema["x-kubernetes-patch-strategy"] !== undefined) facts["s"] = schema["x-kubernetes-patch-strategy"];
    if (schema["x-kubernetes-patch-merge-key"] !== undefined) facts["n"] = schema["x-kubernetes-patch-merge-key"];
    if (known?.default !== undefined && !isZero && typeof known.default !== "object") facts["d"] = known.default;
    if (location !== undefined && location.inlined !== "") facts["i"] = location.inlined;
    const goType = goTypes.get(id);
    if (goType !== undefined) facts["g"] = goType;
    const record: unknown[] = [text, location?.path.join(".") ?? ""];
    if (Object.keys(facts).length > 0) record.push(facts);
    fields[field] = record;
  }
  const entry: Record<string, unknown> = {};
  if (definition["x-kubernetes-map-type"] === "atomic") entry["m"] = 1;
  const kinds = definition["x-kubernetes-group-version-kind"];
  // DeleteOptions and WatchEvent exist in every group version; one row stands for all.
  if (kinds !== undefined)
    entry["k"] = (kinds.length > 3 ? kinds.filter((kind) => kind.group === "" && kind.version === "v1") : kinds).map(
      ({ group, version, kind }) => [group, version, kind],
    );
  entry["f"] = fields;
  lines.push(`${JSON.stringify(shortenRef(name))}:${JSON.stringify(entry)}`);
}

const folder = join(import.meta.dirname, "../../libs/api/src/generated");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "definitions.json"), `{\n${lines.join(",\n")}\n}\n`);
const resources = discoveredResources(exchanges).map((resource) => JSON.stringify(resource));
writeFileSync(join(folder, "resources.json"), `[\n${resources.join(",\n")}\n]\n`);
