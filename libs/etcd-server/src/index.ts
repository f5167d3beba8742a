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
