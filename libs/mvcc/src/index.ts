export { MemoryBackend } from "./backend.ts";
export type { Pause, Row, RowBackend } from "./backend.ts";
export type { CompactionStep } from "./compaction.ts";
export type { EncodedRange } from "./encoded-range.ts";
export { MvccError, RestoreError } from "./errors.ts";
export type { MvccFailure, RestoreFailure } from "./errors.ts";
export type { KvHash } from "./hash-kv.ts";
export { keyRange } from "./key-range.ts";
export type { KeyRange } from "./key-range.ts";
export { decodeRevisionKey, encodeRevisionKey } from "./revision.ts";
export type { Revision } from "./revision.ts";
export { slicedMap } from "./sliced.ts";
export { MvccStore, openMvccStore } from "./store.ts";
export type { Applied, MvccOptions, WriteSteps } from "./store.ts";
export {
  isReadOnlyTxn,
  isSerializableTxn,
  txnOperationsMax,
  validateDeleteRange,
  validatePut,
  validateRange,
  validateTxn,
} from "./validate.ts";
export { defaultWatchLimits } from "./watch-hub.ts";
export type { Watch, WatchLimits, WatchRequest, WatchSink } from "./watch-hub.ts";
export type { LeaseAttachments } from "./write-txn.ts";
