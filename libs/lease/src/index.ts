export { LeaseError } from "./errors.ts";
export type { LeaseFailure } from "./errors.ts";
export { pickLeaseId } from "./lease-id.ts";
export {
  checkpointIntervalSeconds,
  expiredRetryMs,
  leaseTtlSecondsMax,
  leaseTtlSecondsMin,
  Lessor,
  revokesPerSecondMax,
} from "./lessor.ts";
export type { LeaseTimes, LessorOptions } from "./lessor.ts";
export { decodeLeaseRow, encodeLeaseRow, leaseRowKey } from "./rows.ts";
export type { LeaseRow, StoredLease } from "./rows.ts";
