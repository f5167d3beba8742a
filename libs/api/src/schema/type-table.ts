// The table of types, generated/definitions.json, read type by type on first use. A row is
//   "api.core.v1.Container": { k?: kinds, m?: atomic, f: { field: [value, protoPath, facts?] } }
// with the value as a short text (`[]@api.core.v1.EnvVar`) and facts under one letter each, as `tools/generate/api-schema.ts`
// writes them. Everything derived from the schema starts here.
import { assert } from "@triarch/base";
import definitions from "../generated/definitions.json" with { type: "json" };
import type { JsonValue } from "../json.ts";
import type { FieldSchema, GroupVersionKind, ListType, ScalarKind, TypeSchema, ValueSchema } from "./type-schema.ts";

interface FieldFacts {
  /** required */
  readonly r?: 1;
  /** pointer */
  readonly p?: 1;
  /** written although zero */
  readonly z?: 1;
  /** struct left out when zero */
  readonly o?: 1;
  /** pointer written as null when not set */
  readonly w?: 1;
  readonly l?: ListType;
  readonly k?: readonly string[];
  readonly m?: "atomic" | "granular";
  /** patch strategies, comma separated */
  readonly s?: string;
  /** merge key */
  readonly n?: string;
  /** default of a list key */
  readonly d?: JsonValue;
  /** inlined Go struct, dotted */
  readonly i?: string;
  /** the Go type, where it does not follow */
  readonly g?: string;
}
interface TypeRow {
  readonly k?: readonly (readonly [group: string, version: string, kind: string])[];
  readonly m?: 1;
  readonly f: Readonly<Record<string, readonly [value: string, protoPath: string, facts?: FieldFacts]>>;
}

const rows = definitions as unknown as Readonly<Record<string, TypeRow>>;
const prefix = "io.k8s.";
const types = new Map<string, TypeSchema>();
const byKind = new Map<string, string>();
for (const [short, row] of Object.entries(rows))
  for (const [group, version, kind] of row.k ?? []) byKind.set(`${group}/${version}/${kind}`, prefix + short);

/** Kinds that live in `meta.k8s.io` or core but may be sent under any group version. */
const kindsOfEveryGroup: ReadonlySet<string> = new Set(["DeleteOptions", "WatchEvent"]);

/** @param typeName as in the API description, `io.k8s.api.core.v1.Pod` */
export function typeSchema(typeName: string): TypeSchema | undefined {
  const known = types.get(typeName);
  if (known !== undefined) return known;
  const row =
    typeName.startsWith(prefix) && Object.hasOwn(rows, typeName.slice(prefix.length))
      ? rows[typeName.slice(prefix.length)]
      : undefined;
  if (row === undefined) return undefined;
  const schema: TypeSchema = {
    typeName,
    fields: new Map(
      Object.entries(row.f).map(([name, [value, path, facts]]) => [name, fieldOf(name, value, path, facts)]),
    ),
    mapType: row.m === 1 ? "atomic" : undefined,
    groupVersionKinds: (row.k ?? []).map(([group, version, kind]): GroupVersionKind => ({ group, version, kind })),
  };
  types.set(typeName, schema);
  return schema;
}

/**
 * The fields of a type in Go's order of declaration.
 *
 * @throws AssertionError for a name that the schema lacks; names come from the schema itself
 */
export function fieldSchema(typeName: string): ReadonlyMap<string, FieldSchema> {
  const schema = typeSchema(typeName);
  assert(schema !== undefined, `fieldSchema: no type ${typeName} in the schema`);
  return schema.fields;
}

/** @param apiVersion as in an object: `v1`, `apps/v1` */
export function typeNameOfKind(apiVersion: string, kind: string): string | undefined {
  const slash = apiVersion.indexOf("/");
  const group = slash < 0 ? "" : apiVersion.slice(0, slash);
  return (
    byKind.get(`${group}/${apiVersion.slice(slash + 1)}/${kind}`) ??
    (kindsOfEveryGroup.has(kind) ? byKind.get(`/v1/${kind}`) : undefined)
  );
}

/** Every type name, in the table's order. */
export function typeNames(): readonly string[] {
  return Object.keys(rows).map((short) => prefix + short);
}

function fieldOf(name: string, value: string, protoPath: string, facts: FieldFacts = {}): FieldSchema {
  return {
    name,
    value: valueOf(value),
    required: facts.r === 1,
    pointer: facts.p === 1,
    writtenWhenZero: facts.z === 1,
    omittedWhenZero: facts.o === 1,
    nullWhenMissing: facts.w === 1,
    listType: facts.l,
    listMapKeys: facts.k ?? [],
    mapType: facts.m,
    patchStrategy: facts.s?.split(",") ?? [],
    patchMergeKey: facts.n,
    keyDefault: facts.d,
    protoPath: protoPath === "" ? [] : protoPath.split(".").map(Number),
    inlinedGoStruct: facts.i ?? "",
    goTypeName: facts.g,
  };
}

function valueOf(text: string): ValueSchema {
  if (text.startsWith("[]")) return { kind: "list", items: valueOf(text.slice(2)) };
  if (text.startsWith("{}")) return { kind: "map", values: valueOf(text.slice(2)) };
  if (text.startsWith("@")) return { kind: "object", typeName: prefix + text.slice(1) };
  if (text.startsWith("?")) return { kind: "any", typeName: text === "?" ? "" : prefix + text.slice(1) };
  return { kind: "scalar", scalar: text as ScalarKind };
}
