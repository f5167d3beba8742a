export type * from "./json.ts";
export type * from "./generated/types.generated.ts";

// Schema and what is derived from it.
export type {
  FieldSchema,
  GroupVersionKind,
  ListType,
  ScalarKind,
  TypeSchema,
  ValueSchema,
} from "./schema/type-schema.ts";
export type { ResourceInfo, SubresourceInfo } from "./schema/resource-info.ts";
