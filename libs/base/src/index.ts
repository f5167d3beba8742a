export { assert, assertDefined, assertNever, AssertionError } from "./assert.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export { fromByteString, toByteString } from "./byte-string.ts";
export type { ByteString } from "./byte-string.ts";
export {
  compareBytes,
  concatBytes,
  emptyBytes,
  equalBytes,
  hex,
  prefixEnd,
  utf8,
  utf8Text,
  utf8TextStrict,
} from "./bytes.ts";
export { ManualClock, systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export { crc32c } from "./crc32c.ts";
export { seededRng } from "./rng.ts";
export type { Rng } from "./rng.ts";
export { parseScenario } from "./scenario.ts";
export type { ScenarioStep } from "./scenario.ts";
export { systemTimers } from "./timers.ts";
export type { Timer, Timers } from "./timers.ts";
