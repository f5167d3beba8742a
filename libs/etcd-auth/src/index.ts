export { Access, cluster, nobody } from "./access.ts";
export type { Identity, KeysOfLease } from "./access.ts";
export { AuthStore, hasNoPassword, hasRootRole, rootName } from "./auth-store.ts";
export { AuthError } from "./errors.ts";
export type { AuthFailure } from "./errors.ts";
export { shownPermissions } from "./permissions.ts";
export { decodeAuthRows } from "./rows.ts";
export type { AuthBucket, AuthRow, StoredAuth } from "./rows.ts";
