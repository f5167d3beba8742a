// Reads one file out of a zip archive held in memory (APPNOTE.TXT: end of central directory, central directory, local
// header). Neither encryption nor zip64: what uses it reads one known archive.
import { inflateRawSync } from "node:zlib";

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const endSize = 22;
const stored = 0;
const deflated = 8;

/** @throws Error when the archive is damaged or has no such entry */
export function zipEntry(archive: Buffer, name: string): Buffer {
  let at = archive.length - endSize;
  while (at >= 0 && archive.readUInt32LE(at) !== endSignature) at -= 1;
  if (at < 0) throw new Error("not a zip archive: it has no end of central directory");
  const entries = archive.readUInt16LE(at + 10);
  let entry = archive.readUInt32LE(at + 16);
  for (let i = 0; i < entries; i += 1) {
    if (archive.readUInt32LE(entry) !== entrySignature) throw new Error(`damaged zip archive at byte ${entry}`);
    const nameLength = archive.readUInt16LE(entry + 28);
    const found = archive.toString("utf8", entry + 46, entry + 46 + nameLength);
    if (found === name) return content(archive, entry, name);
    entry += 46 + nameLength + archive.readUInt16LE(entry + 30) + archive.readUInt16LE(entry + 32);
  }
  throw new Error(`the zip archive has no ${name}`);
}

function content(archive: Buffer, entry: number, name: string): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const compressedSize = archive.readUInt32LE(entry + 20);
  const size = archive.readUInt32LE(entry + 24);
  const local = archive.readUInt32LE(entry + 42);
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const compressed = archive.subarray(start, start + compressedSize);
  const plain = method === deflated ? inflateRawSync(compressed) : method === stored ? compressed : undefined;
  if (plain === undefined) throw new Error(`${name} is compressed by method ${method}, which is not known here`);
  if (plain.length !== size) throw new Error(`${name} has ${plain.length} bytes, its entry says ${size}`);
  return plain;
}
