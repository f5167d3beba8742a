import type { KeyValue } from "@triarch/etcd-proto";
import type { StoreKeyValue } from "../store-client.ts";
import type { BatchReader, BatchWriter } from "./frames.ts";

/** How rows cross the bridge: from the store's messages on one side to the API thread's rows on the other. */

export function writeRow(writer: BatchWriter, row: KeyValue): void {
  writer.bytes(row.key);
  writeVersion(writer, row);
}

/** What `writeRow` takes. */
export function rowBytes(row: KeyValue): number {
  return 40 + row.key.length + row.value.length;
}

export function readRow(reader: BatchReader): StoreKeyValue {
  return readVersion(reader, reader.text());
}

/** A row whose key the other side already has. */
export function writeVersion(writer: BatchWriter, row: KeyValue): void {
  writer.number(row.createRevision).number(row.modRevision).number(row.version);
  writer.bigint(BigInt.asUintN(64, row.lease)).bytes(row.value);
}

export function readVersion(reader: BatchReader, key: string): StoreKeyValue {
  const createRevision = reader.number();
  const modRevision = reader.number();
  const version = reader.number();
  const leaseId = BigInt.asIntN(64, reader.bigint());
  return { key, value: reader.bytes(), createRevision, modRevision, version, leaseId };
}

export function writeOptionalRow(writer: BatchWriter, row: KeyValue | undefined): void {
  writer.byte(row === undefined ? 0 : 1);
  if (row !== undefined) writeRow(writer, row);
}

export function readOptionalRow(reader: BatchReader): StoreKeyValue | undefined {
  return reader.byte() === 0 ? undefined : readRow(reader);
}

/** JSON with 64-bit ids kept: for what is asked rarely. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? { bigint: part.toString() } : part,
  );
}

export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || !("bigint" in part)) return part;
    return BigInt(part.bigint as string);
  });
}
