export { ApiError, TransportError } from "./types.ts";
export type * from "./types.ts";
