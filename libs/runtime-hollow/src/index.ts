export type * from "./container-runtime.ts";
export { createHollowRuntime } from "./hollow-runtime.ts";
export type { HollowRuntimeOptions } from "./hollow-runtime.ts";
export type { CommandEnd, ContainerStreams } from "./container-streams.ts";
