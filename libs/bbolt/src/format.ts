// The bbolt file format as etcd uses it. All integers little-endian. Source: bbolt internal/common, and etcd's snapshots.
import { utf8 } from "@triarch/base";

export const defaultPageSize = 4096;
export const pageHeaderBytes = 16;
export const elementBytes = 16;
export const metaBytes = 64;
export const bucketHeaderBytes = 16;
export const magic = 0xed0cdaed;
export const formatVersion = 2;
/** Freelist page id that says "not stored"; bbolt then finds the free pages itself. */
export const noFreelist = 0xffff_ffff_ffff_ffffn;
export const pageFlags = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
export const bucketLeafFlag = 0x01;
/** The file's end: SHA-256 over all before. */
export const trailerBytes = 32;

/** A bucket's content: rows in strictly ascending key order. */
export type Row = readonly [key: Uint8Array, value: Uint8Array];

/** SHA-256 as the platform has it (`crypto.createHash("sha256")` fits). */
export interface Sha256 {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface Meta {
  readonly pageSize: number;
  readonly rootPage: number;
  readonly highWater: number;
  readonly transactionId: bigint;
}

/** FNV-1a, 64 bits, over the first 56 bytes of a meta. */
export function metaChecksum(meta: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < 56; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(meta[i] as number)) * 0x100000001b3n);
  return hash;
}

export function writePageHeader(
  page: Uint8Array,
  header: { readonly id: number; readonly flags: number; readonly count: number; readonly overflow: number },
): void {
  const at = view(page);
  at.setBigUint64(0, BigInt(header.id), true);
  at.setUint16(8, header.flags, true);
  at.setUint16(10, header.count, true);
  at.setUint32(12, header.overflow, true);
}

export const keyBucketName: Uint8Array = utf8("key");

export type BboltFailure =
  /** Not a bbolt file, or one whose header pages are both damaged. */
  | "notBbolt"
  /** No SHA-256 behind the pages, or one that does not match. */
  | "checksum"
  /** A page, element or order that no writer produces. */
  | "corrupt"
  /** Rows given to the writer out of order, or larger than the format takes. */
  | "badInput";

/** `what` names the page or row. */
export class BboltError extends Error {
  override readonly name = "BboltError";
  readonly code: BboltFailure;

  constructor(code: BboltFailure, what: string) {
    super(what);
    this.code = code;
  }
}
