export { checkKeys, checkRevisions } from "./check-keys.ts";
export type { KeyOperation, KeysVerdict } from "./check-keys.ts";
export { checkHistory, configurationsMaxDefault } from "./checker.ts";
export type { Verdict } from "./checker.ts";
export type { Model, Operation } from "./history.ts";
export { keyModel } from "./key-value-model.ts";
export type { KeyInput, KeyOutput, KeyState, KeyVersion } from "./key-value-model.ts";
export { overlapOf } from "./overlap.ts";
export {
  checkAtomic,
  checkBookmarkable,
  checkOrdered,
  checkPreviousValues,
  checkReliable,
  checkResumable,
  checkUnique,
  watchGuarantees,
} from "./watch-guarantees.ts";
export type { SeenEvent, WatchAnswer, WatchTrace } from "./watch-guarantees.ts";
