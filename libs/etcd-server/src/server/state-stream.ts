import { assert } from "@triarch/base";
import { closingAfter } from "./closing-stream.ts";
import { buckets, type BucketRow, type LevelSnapshot, type LevelStore } from "@triarch/store-level";

/**
 * The whole state as bytes, for a member whose log no longer reaches back. Each row is: bucket (one byte), key length
 * and value length (32 bits, big-endian), key, value. The end is a bucket byte of 255 and the number of rows, so that
 * a stream cut short is never taken for a state.
 */
const endMark = 255;
const rowHeaderBytes = 9;
const chunkBytes = 256 * 1024;
const writeBatchBytes = 1024 * 1024;

/** One moment of the database, for one reader; closes `snapshot` at the end or when the reader gives up. */
export function streamState(snapshot: LevelSnapshot): AsyncIterableIterator<Uint8Array> {
  return closingAfter(readState(snapshot), () => snapshot.close());
}

async function* readState(snapshot: LevelSnapshot): AsyncGenerator<Uint8Array, void, undefined> {
  let rowCount = 0;
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for (const [number, bucket] of buckets.entries()) {
    for await (const rows of snapshot.rows(bucket)) {
      for (const { key, value } of rows) {
        parts.push(rowHeader(number, key.length, value.length), key, value);
        sizeBytes += rowHeaderBytes + key.length + value.length;
        rowCount += 1;
        if (sizeBytes < chunkBytes) continue;
        yield Buffer.concat(parts);
        parts = [];
        sizeBytes = 0;
      }
    }
  }
  yield Buffer.concat([...parts, rowHeader(endMark, Math.floor(rowCount / 2 ** 32), rowCount % 2 ** 32)]);
}

/**
 * Writes a received state into an empty database.
 * @throws Error when the stream ends early or holds what is no state; the database is then to be thrown away
 */
export async function receiveState(chunks: AsyncIterable<Uint8Array>, level: LevelStore): Promise<void> {
  let rows: BucketRow[] = [];
  let rowCount = 0;
  let pendingBytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  let ended = false;
  for await (const chunk of chunks) {
    assert(!ended, "nothing follows the end of a state");
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let offset = 0;
    while (rest.length - offset >= rowHeaderBytes) {
      const bucketNumber = rest.readUInt8(offset);
      const keyLength = rest.readUInt32BE(offset + 1);
      const valueLength = rest.readUInt32BE(offset + 5);
      if (bucketNumber === endMark) {
        if (keyLength * 2 ** 32 + valueLength !== rowCount)
          throw new Error(`a received state lacks rows: it has ${rowCount}`);
        ended = true;
        offset += rowHeaderBytes;
        break;
      }
      const start = offset + rowHeaderBytes;
      if (rest.length < start + keyLength + valueLength) break;
      const bucket = buckets[bucketNumber];
      if (bucket === undefined) throw new Error(`a received state names bucket ${bucketNumber}, which there is not`);
      const key = rest.subarray(start, start + keyLength);
      rows.push({ bucket, key, value: rest.subarray(start + keyLength, start + keyLength + valueLength) });
      rowCount += 1;
      pendingBytes += keyLength + valueLength;
      offset = start + keyLength + valueLength;
    }
    rest = rest.subarray(offset);
    if (pendingBytes < writeBatchBytes) continue;
    await level.write(rows);
    rows = [];
    pendingBytes = 0;
  }
  if (!ended) throw new Error("a received state ends early");
  await level.write(rows);
}

function rowHeader(bucketNumber: number, keyLength: number, valueLength: number): Buffer {
  const header = Buffer.alloc(rowHeaderBytes);
  header.writeUInt8(bucketNumber, 0);
  header.writeUInt32BE(keyLength, 1);
  header.writeUInt32BE(valueLength, 5);
  return header;
}
