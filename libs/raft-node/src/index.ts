export { startRaftNode } from "./start.ts";
export { RaftNodeError } from "./types.ts";
export type * from "./types.ts";
export { defaultLimits, defaultTiming } from "./limits.ts";
