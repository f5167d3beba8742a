// What the API description says about a type: its fields in declaration order, and for each field what it holds and how
// patches, server-side apply and the wire formats treat it. Everything else in this package is compiled from this.
import type { JsonValue } from "../json.ts";

/** JSON scalars by the format that the wire and Go's zero values give them. */
export type ScalarKind =
  | "string"
  | "boolean"
  | "int32"
  | "int64"
  | "double"
  /** base64 text */
  | "bytes"
  /** RFC 3339, whole seconds, UTC */
  | "time"
  /** RFC 3339 with six decimals, UTC */
  | "microTime"
  /** Go's notation, as `1h30m0s` */
  | "duration"
  | "quantity"
  | "intOrString";

export type ValueSchema =
  | { readonly kind: "scalar"; readonly scalar: ScalarKind }
  /** Free-form JSON: RawExtension, FieldsV1, JSON and the like; kept as it is. */
  | { readonly kind: "any"; readonly typeName: string }
  | { readonly kind: "object"; readonly typeName: string }
  | { readonly kind: "map"; readonly values: ValueSchema }
  | { readonly kind: "list"; readonly items: ValueSchema };

export type ListType = "atomic" | "set" | "map";

export interface FieldSchema {
  readonly name: string;
  readonly value: ValueSchema;
  readonly required: boolean;
  /** Go holds a pointer: absent and zero differ, and zero is kept. */
  readonly pointer: boolean;
  /** Go's JSON writes it although zero (no `omitempty`): `""`, `0`, `null` for a list. */
  readonly writtenWhenZero: boolean;
  /** A struct, or a required pointer, that Go's JSON leaves out when zero; others are written as `{}` or `null`. */
  readonly omittedWhenZero: boolean;
  /** An optional pointer that Go's JSON writes as `null` when it is not set. */
  readonly nullWhenMissing: boolean;
  /** Server-side apply; `undefined` on a list means atomic, on a map or an object granular. */
  readonly listType: ListType | undefined;
  readonly listMapKeys: readonly string[];
  readonly mapType: "atomic" | "granular" | undefined;
  /** Strategic merge: `merge`, `replace`, `retainKeys`; empty means replace for lists and merge for objects. */
  readonly patchStrategy: readonly string[];
  readonly patchMergeKey: string | undefined;
  /** The default that server-side apply knows when it compares list keys (`protocol: TCP`). */
  readonly keyDefault: JsonValue | undefined;
  /** Field numbers from the message down through the messages that JSON inlines: `[2, 1]` is field 1 of field 2. */
  readonly protoPath: readonly number[];
  /** Go's names of the structs JSON inlines on the way to this field, dotted; decoding errors show them. */
  readonly inlinedGoStruct: string;
  /** The Go type where it does not follow from `value`: `v1.RestartPolicy`, `map[v1.QualifiedName]v1.DeviceAttribute`. */
  readonly goTypeName: string | undefined;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface TypeSchema {
  /** As in the API description: `io.k8s.api.core.v1.Pod`. */
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, FieldSchema>;
  readonly mapType: "atomic" | undefined;
  readonly groupVersionKinds: readonly GroupVersionKind[];
}
