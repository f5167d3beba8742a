export { LevelStoreError } from "./errors.ts";
export type { LevelStoreFailure } from "./errors.ts";
export { LevelStore, metaKeys, openLevelStore } from "./level-store.ts";
export type { AppliedPosition, BucketRow, LevelSnapshot, LevelStoreOptions } from "./level-store.ts";
export { buckets } from "./rows.ts";
export type { Bucket } from "./rows.ts";
