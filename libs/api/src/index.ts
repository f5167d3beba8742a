export type * from "./json.ts";
export type * from "./generated/types.generated.ts";
