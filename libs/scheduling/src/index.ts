export { tolerates } from "./node-matching.ts";
export { schedule } from "./schedule.ts";
export type { Decision } from "./schedule.ts";
export { buildSnapshot, hasEnded } from "./snapshot.ts";
export type { NodeInfo, Snapshot } from "./snapshot.ts";
