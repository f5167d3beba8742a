export type * from "./types.ts";
export { noMember } from "./types.ts";
