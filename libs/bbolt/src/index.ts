export { BboltError } from "./format.ts";
export type { BboltFailure, Meta, Row, Sha256 } from "./format.ts";
export { hasTrailer, openBbolt, verifyTrailer } from "./reader.ts";
export type { BboltReader, ByteSource } from "./reader.ts";
export { snapshotStatus } from "./status.ts";
export type { SnapshotStatus } from "./status.ts";
export { planSnapshot } from "./writer.ts";
export type { BucketSource, SnapshotPlan } from "./writer.ts";
