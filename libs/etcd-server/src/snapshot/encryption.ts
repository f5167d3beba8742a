/**
 * Encrypted snapshot files. AES-256-GCM in chunks, so that neither writing nor reading needs more than one of them in
 * memory, and any part can be read without the rest.
 *
 * Layout: a header (magic, version, chunk size, id of the key, salt), then the chunks, each followed by its tag. All are
 * full but the last, which may be empty. The file's key is made from the key in the key file and the salt, so that the
 * chunk's number serves as nonce; the number's top bit marks the last chunk.
 *
 * What each check is for:
 *  - every chunk is authenticated together with the header: no byte can be changed, nor the header of another file taken;
 *  - its number is in the nonce: chunks cannot change places, be doubled or left out;
 *  - the mark of the last one is in the nonce: a file cut off behind any chunk is found, as is one that was added to.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { concatBytes, equalBytes, hex, utf8 } from "@triarch/base";
import type { ByteSource } from "@triarch/bbolt";

export type EncryptionFailure =
  /** There is none, or it cannot be read, or others may read it. */
  | "keyFile"
  /** The file was encrypted with another key. */
  | "wrongKey"
  /** Altered, cut off, or not written by this program. */
  | "altered";

/** `message` names the file or chunk. Callers branch on `code`. */
export class EncryptionError extends Error {
  override readonly name = "EncryptionError";
  readonly code: EncryptionFailure;

  constructor(code: EncryptionFailure, text: string, options?: ErrorOptions) {
    super(text, options);
    this.code = code;
  }
}

export interface SnapshotKey {
  readonly key: Uint8Array;
  /** Names the key without telling it. */
  readonly id: string;
}

const magic = utf8("triarch-sealed");
const formatVersion = 1;
const keyBytes = 32;
const keyIdBytes = 8;
const saltBytes = 32;
const tagBytes = 16;
const nonceBytes = 12;
const headerBytes = magic.length + 2 + 4 + keyIdBytes + saltBytes;
const chunkBytes = 64 * 1024;
const lastChunkMark = 0x80;
/** Chunks that a reader keeps open. */
const cachedChunksMax = 16;

/**
 * The key file holds 64 hexadecimal digits, as `openssl rand -hex 32` writes them, and is readable for its owner only.
 * @throws EncryptionError "keyFile"
 */
export async function readSnapshotKey(file: string): Promise<SnapshotKey> {
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) {
      throw new EncryptionError("keyFile", `${file} can be read by others than its owner: chmod 600 it`);
    }
    text = (await readFile(file, "latin1")).trim();
  } catch (error) {
    if (error instanceof EncryptionError) throw error;
    throw new EncryptionError("keyFile", `the key file cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (!/^[0-9a-fA-F]{64}$/.test(text)) {
    throw new EncryptionError(
      "keyFile",
      `${file} does not hold 64 hexadecimal digits; openssl rand -hex 32 makes them`,
    );
  }
  return snapshotKey(Buffer.from(text, "hex"));
}

export function snapshotKey(key: Uint8Array): SnapshotKey {
  if (key.length !== keyBytes) throw new EncryptionError("keyFile", `a key has ${keyBytes} bytes, not ${key.length}`);
  const digest = createHash("sha256").update("triarch snapshot key id").update(key).digest();
  return { key, id: hex(digest.subarray(0, keyIdBytes)) };
}

/** @param plain chunks of any size. Memory: one chunk of 64 KiB and what is given at once. */
export async function* sealed(plain: AsyncIterable<Uint8Array>, key: SnapshotKey): AsyncGenerator<Uint8Array> {
  const salt = randomBytes(saltBytes);
  const header = encodeHeader(key, salt);
  const fileKey = deriveKey(key, salt);
  yield header;
  let rest: Uint8Array = new Uint8Array(0);
  let number = 0;
  for await (const piece of plain) {
    const bytes = rest.length === 0 ? piece : concatBytes([rest, piece]);
    let at = 0;
    // One chunk's worth always stays behind: which one is the last shows only at the end.
    for (; bytes.length - at > chunkBytes; at += chunkBytes) {
      yield seal(fileKey, header, { number, last: false }, bytes.subarray(at, at + chunkBytes));
      number += 1;
    }
    rest = bytes.slice(at);
  }
  yield seal(fileKey, header, { number, last: true }, rest);
}

/** Bytes of the sealed file that `plainBytes` make. */
export function sealedSizeBytes(plainBytes: number): number {
  return headerBytes + plainBytes + tagBytes * Math.max(1, Math.ceil(plainBytes / chunkBytes));
}

export async function isSealed(source: ByteSource): Promise<boolean> {
  return equalBytes(await source.read(0, magic.length), magic);
}

/** @returns which key the file needs. @throws EncryptionError "altered" */
export async function sealedKeyId(source: ByteSource): Promise<string> {
  return hex(parseHeader(await source.read(0, headerBytes)).keyId);
}

/**
 * The plain bytes of a sealed file, decrypted as they are asked for. The last chunk is looked at first, so that a file
 * that was cut off is refused before anything else is done with it.
 *
 * @throws EncryptionError "wrongKey" | "altered", also from `read`
 */
export async function unsealed(source: ByteSource, key: SnapshotKey): Promise<ByteSource> {
  const header = await source.read(0, headerBytes);
  const { keyId, salt } = parseHeader(header);
  if (hex(keyId) !== key.id) {
    throw new EncryptionError("wrongKey", `it was encrypted with key ${hex(keyId)}, the key file holds key ${key.id}`);
  }
  const reader = new SealedReader(source, header, deriveKey(key, salt));
  await reader.chunk(reader.lastNumber);
  return { sizeBytes: reader.plainBytes, read: (offset, length) => reader.read(offset, length) };
}

class SealedReader {
  readonly plainBytes: number;
  readonly lastNumber: number;
  readonly #source: ByteSource;
  readonly #header: Uint8Array;
  readonly #key: Uint8Array;
  /** Least recently used first. */
  readonly #chunks = new Map<number, Uint8Array>();

  constructor(source: ByteSource, header: Uint8Array, key: Uint8Array) {
    this.#source = source;
    this.#header = header;
    this.#key = key;
    const body = source.sizeBytes - headerBytes;
    const sealedChunk = chunkBytes + tagBytes;
    this.lastNumber = Math.max(0, Math.ceil(body / sealedChunk) - 1);
    this.plainBytes = body - (this.lastNumber + 1) * tagBytes;
    if (this.plainBytes < 0) throw new EncryptionError("altered", "the encrypted file is cut off");
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(offset + length, this.plainBytes);
    const out = new Uint8Array(Math.max(0, end - offset));
    for (let at = offset; at < end;) {
      const number = Math.floor(at / chunkBytes);
      const chunk = await this.chunk(number);
      const from = at - number * chunkBytes;
      const part = chunk.subarray(from, Math.min(chunk.length, from + end - at));
      if (part.length === 0) throw altered(number);
      out.set(part, at - offset);
      at += part.length;
    }
    return out;
  }

  async chunk(number: number): Promise<Uint8Array> {
    const known = this.#chunks.get(number);
    if (known !== undefined) {
      this.#chunks.delete(number);
      this.#chunks.set(number, known);
      return known;
    }
    const last = number === this.lastNumber;
    const sealedBytes = await this.#source.read(headerBytes + number * (chunkBytes + tagBytes), chunkBytes + tagBytes);
    const plain = open(this.#key, this.#header, { number, last }, sealedBytes);
    this.#chunks.set(number, plain);
    const [oldest] = this.#chunks.keys();
    if (this.#chunks.size > cachedChunksMax && oldest !== undefined) this.#chunks.delete(oldest);
    return plain;
  }
}

interface ChunkPlace {
  readonly number: number;
  readonly last: boolean;
}

function seal(key: Uint8Array, header: Uint8Array, place: ChunkPlace, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonceOf(place), { authTagLength: tagBytes });
  cipher.setAAD(header);
  return concatBytes([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Uint8Array, header: Uint8Array, place: ChunkPlace, bytes: Uint8Array): Uint8Array {
  if (bytes.length < tagBytes) throw altered(place.number);
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(place), { authTagLength: tagBytes });
  decipher.setAAD(header);
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  try {
    return concatBytes([decipher.update(bytes.subarray(0, bytes.length - tagBytes)), decipher.final()]);
  } catch (error) {
    throw altered(place.number, error);
  }
}

function altered(number: number, cause?: unknown): EncryptionError {
  return new EncryptionError("altered", `chunk ${number} of the encrypted file is altered, or the file is cut off`, {
    cause,
  });
}

function nonceOf({ number, last }: ChunkPlace): Uint8Array {
  const nonce = new Uint8Array(nonceBytes);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(number));
  nonce[0] = last ? lastChunkMark : 0;
  return nonce;
}

function deriveKey({ key }: SnapshotKey, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, "triarch sealed snapshot 1", keyBytes));
}

function encodeHeader({ id }: SnapshotKey, salt: Uint8Array): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  header.set(magic);
  view.setUint16(magic.length, formatVersion);
  view.setUint32(magic.length + 2, chunkBytes);
  header.set(Buffer.from(id, "hex"), magic.length + 6);
  header.set(salt, magic.length + 6 + keyIdBytes);
  return header;
}

function parseHeader(header: Uint8Array): { readonly keyId: Uint8Array; readonly salt: Uint8Array } {
  if (header.length < headerBytes) throw new EncryptionError("altered", "the encrypted file is cut off in its header");
  if (!equalBytes(header.subarray(0, magic.length), magic)) {
    throw new EncryptionError("altered", "it is not an encrypted snapshot");
  }
  const view = new DataView(header.buffer, header.byteOffset);
  const version = view.getUint16(magic.length);
  const size = view.getUint32(magic.length + 2);
  if (version !== formatVersion || size !== chunkBytes) {
    throw new EncryptionError(
      "altered",
      `its format is version ${version} with chunks of ${size} bytes: not known here`,
    );
  }
  const keyId = header.slice(magic.length + 6, magic.length + 6 + keyIdBytes);
  return { keyId, salt: header.slice(magic.length + 6 + keyIdBytes, headerBytes) };
}
