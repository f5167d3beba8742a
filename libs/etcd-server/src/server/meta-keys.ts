import { utf8 } from "@triarch/base";

/** Keys of the `meta` bucket beside the applied position's. Source: etcd server/storage/schema. */
export const metaKeys = {
  scheduledCompactRevision: utf8("scheduledCompactRev"),
  finishedCompactRevision: utf8("finishedCompactRev"),
  confState: utf8("confState"),
  storageVersion: utf8("storageVersion"),
} as const;
