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
export type { AuthApi } from "./auth/auth-requests.ts";
export type { Credentials } from "./auth/caller.ts";
export { parseAuthToken } from "./auth/auth-token.ts";
export type { JwtAlgorithm, JwtOptions, TokenOptions } from "./auth/tokens.ts";
export { EtcdServerError, etcdText } from "./server/errors.ts";
export type { EtcdServerFailure } from "./server/errors.ts";
export type {
  EtcdServer,
  ServerWatch,
  ServerWatchRequest,
  ServerWatchSink,
  SnapshotFile,
} from "./server/etcd-server.ts";
export { connectStore, pendingRequestsMax } from "./bridge/connect-store.ts";
export { serveStore, untakenBytesMax } from "./bridge/serve-store.ts";
export type { ServedStore } from "./bridge/serve-store.ts";
export { memberDataDir } from "./server/data-dir.ts";
export type { MemberDataDir } from "./server/data-dir.ts";
export { startStore } from "./start-store.ts";
export type { RunningStore, StoreOptions } from "./start-store.ts";
export type { InitialMember } from "./members/membership.ts";
export { clusterIdOf, memberIdOf, memberIdText } from "./members/member-ids.ts";
export { checkRestorable, restoreIntoDataDir, restoreRevisionBumpDefault } from "./snapshot/restore.ts";
export type { RestoreOptions, RestoreResult } from "./snapshot/restore.ts";
export { openSnapshotSource } from "./snapshot/snapshot-source.ts";
export type { SnapshotSource } from "./snapshot/snapshot-source.ts";
export { EncryptionError, readSnapshotKey } from "./snapshot/encryption.ts";
export type { EncryptionFailure } from "./snapshot/encryption.ts";
export type { CheckedRows } from "./snapshot/check-rows.ts";
export { checkSchedule, decodeLast, decodeSchedule, encodeSchedule } from "./snapshot/schedule.ts";
export { lastSnapshotKey, nextDueMs, snapshotScheduleKey } from "./snapshot/schedule.ts";
export type { LastSnapshot, SavedSnapshot, SnapshotSchedule } from "./snapshot/schedule.ts";
export { savedSnapshots } from "./snapshot/scheduled-snapshot.ts";
export { parseAutoCompaction, parseDurationMs } from "./server/auto-compaction.ts";
export type { AutoCompactionPolicy } from "./server/auto-compaction.ts";
