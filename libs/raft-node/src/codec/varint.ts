/** Protobuf's integers, for numbers up to 2^53-1 and for 64-bit ids. */

export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128)) bytes += 1;
  return bytes;
}

/** @returns the position after it */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    out[at++] = (rest & 127) | 128;
    rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128);
  }
  out[at++] = rest;
  return at;
}

/** A cluster has few ids, and each is written in every message. */
const encodedIds = new Map<bigint, Uint8Array>();
const encodedIdsMax = 256;

export function encodedId(id: bigint): Uint8Array {
  const known = encodedIds.get(id);
  if (known !== undefined) return known;
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, id);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  if (encodedIds.size >= encodedIdsMax) encodedIds.clear();
  const encoded = Uint8Array.from(bytes);
  encodedIds.set(id, encoded);
  return encoded;
}

/** Walks the fields of one message. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get more(): boolean {
    return this.at < this.end;
  }

  /** @throws DecodeError past 2^53-1 or past the end */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.#byte();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw new DecodeError("an integer is larger than 2^53-1");
  }

  id(): bigint {
    let low = 0;
    let middle = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      const bits = byte & 127;
      if (i < 4) low |= bits << (7 * i);
      else if (i < 8) middle |= bits << (7 * (i - 4));
      else high |= bits << (7 * (i - 8));
      if (byte < 128) return BigInt.asUintN(64, BigInt(low) | (BigInt(middle) << 28n) | (BigInt(high) << 56n));
    }
    throw new DecodeError("an id is longer than 64 bits");
  }

  /** @returns where the field that starts here ends */
  lengthDelimited(): number {
    const length = this.varint();
    const end = this.at + length;
    if (end > this.end) throw new DecodeError("a field reaches past its message");
    return end;
  }

  /** Jumps over a field of a kind this version does not know. */
  skip(wireType: number): void {
    if (wireType === 0) while (this.#byte() >= 128);
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.at = this.lengthDelimited();
    else if (wireType === 5) this.at += 4;
    else throw new DecodeError(`wire type ${wireType} is not of this format`);
    if (this.at > this.end) throw new DecodeError("a field reaches past its message");
  }

  #byte(): number {
    if (this.at >= this.end) throw new DecodeError("the message ends inside a field");
    return this.bytes[this.at++] as number;
  }
}
