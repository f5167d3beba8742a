export { StoreError } from "./store-client.ts";
export type {
  StoreClient,
  StoreEvent,
  StoreFailure,
  StoreKeyValue,
  StoreMember,
  StoreRange,
  StoreRangeOptions,
  StoreStatus,
  StoreWatch,
  StoreWatchHandlers,
  WriteOutcome,
} from "./store-client.ts";
export { memoryStore } from "./memory/memory-store.ts";
export type { MemoryStore, MemoryStoreOptions } from "./memory/memory-store.ts";
