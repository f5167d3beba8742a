export { namespaceIndex } from "./types.ts";
export type * from "./types.ts";
