/**
 * A range whose rows come as they will be sent: a row's bytes in the database are its bytes in the answer, so nothing is
 * decoded, and 100,000 rows are a few hundred long pieces of bytes instead of as many objects.
 */
import { KeyValue, type RangeRequest, type RangeResponse } from "@triarch/etcd-proto";
import { keyOnly, pacedRows, selectSteps, type Found } from "./range.ts";
import { readVersionBytes, type ReadView } from "./read-view.ts";

/** `RangeResponse` whose field `kvs` is encoded already. */
export interface EncodedRange {
  readonly header: RangeResponse["header"];
  /** All of field `kvs`, tags included, cut anywhere. Empty without rows. */
  readonly rows: readonly Uint8Array[];
  readonly more: boolean;
  readonly count: number;
}

/** Rows are gathered into pieces of about this. */
const pieceBytes = 256 * 1024;
/** Field 2 of RangeResponse, length-delimited. */
const rowTag = 0x12;

/** @throws MvccError as `rangeSteps` */
export function* encodedRangeSteps(
  view: ReadView,
  request: RangeRequest,
): Generator<undefined, EncodedRange, undefined> {
  const selection = yield* selectSteps(view, request);
  const { header, fetched, more, count } = selection;
  const bytesOf = (entry: Found): Uint8Array => {
    if (request.keysOnly) return KeyValue.encode(keyOnly(entry));
    const row = fetched.get(entry);
    return row === undefined ? readVersionBytes(view, entry) : KeyValue.encode(row);
  };
  const rows: Uint8Array[] = [];
  let piece: Uint8Array[] = [];
  let bytes = 0;
  const finishPiece = (): void => {
    if (piece.length > 0) rows.push(joined(piece));
    piece = [];
    bytes = 0;
  };
  yield* pacedRows(view, selection, (entry) => {
    const row = bytesOf(entry);
    piece.push(row);
    bytes += row.length;
    if (bytes >= pieceBytes) finishPiece();
    return row.length;
  });
  finishPiece();
  return { header, rows, more, count };
}

function joined(rows: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(rows.reduce((sum, row) => sum + 1 + varintBytes(row.length) + row.length, 0));
  let at = 0;
  for (const row of rows) {
    bytes[at++] = rowTag;
    let length = row.length;
    for (; length >= 0x80; length >>>= 7) bytes[at++] = (length & 0x7f) | 0x80;
    bytes[at++] = length;
    bytes.set(row, at);
    at += row.length;
  }
  return bytes;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= 0x80; left >>>= 7) bytes += 1;
  return bytes;
}
