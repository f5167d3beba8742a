import { emptyBytes, fromByteString, type ByteString } from "@triarch/base";
import type { KeyValue } from "@triarch/etcd-proto";

/** What a delete event shows: the key and when it was deleted, nothing else. */
export function tombstoneKv(key: ByteString, main: number): KeyValue {
  return {
    key: fromByteString(key),
    createRevision: 0,
    modRevision: main,
    version: 0,
    value: emptyBytes,
    lease: 0n,
  };
}

/** Also of a key that the same transaction had deleted: nothing was there before that is its own. */
export function isCreation({ createRevision, modRevision }: KeyValue): boolean {
  return createRevision === modRevision;
}
