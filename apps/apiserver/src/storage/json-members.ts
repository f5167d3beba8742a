// Finds one member of a JSON object in its bytes, without parsing what stands around it.

/**
 * @param start of the object's opening brace
 * @param name with its quotes
 * @returns the member's value; undefined: there is none
 * @throws Error: what was looked at is no JSON. What comes after the member is not looked at.
 * Cost: linear in what comes before the member, about a nanosecond a byte.
 */
export function memberOf(bytes: Uint8Array, start: number, name: Uint8Array): Uint8Array | undefined {
  let at = expect(bytes, start, openingBrace);
  if (bytes[at] === closingBrace) return undefined;
  for (;;) {
    const nameEnd = stringEnd(bytes, at);
    const valueStart = expect(bytes, skipSpace(bytes, nameEnd), colon);
    const valueEnd = endOf(bytes, valueStart);
    if (isSame(bytes, at, nameEnd, name)) return bytes.subarray(valueStart, valueEnd);
    const next = skipSpace(bytes, valueEnd);
    if (bytes[next] === closingBrace) return undefined;
    at = expect(bytes, next, comma);
  }
}

const openingBrace = 0x7b;
const closingBrace = 0x7d;
const openingBracket = 0x5b;
const closingBracket = 0x5d;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const space = 0x20;

/** @returns where the next thing after the byte starts */
function expect(bytes: Uint8Array, at: number, byte: number): number {
  if (bytes[at] !== byte) throw new Error(`no "${String.fromCharCode(byte)}" at byte ${at} of the JSON`);
  return skipSpace(bytes, at + 1);
}

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while ((bytes[at] ?? space + 1) <= space) at += 1;
  return at;
}

function endOf(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === quote) return stringEnd(bytes, start);
  if (first === openingBrace || first === openingBracket) return nestedEnd(bytes, start);
  let at = start;
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === comma || byte === closingBrace || byte <= space) break;
  }
  if (at === start) throw new Error(`no value at byte ${at} of the JSON`);
  return at;
}

function stringEnd(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== quote) throw new Error(`no string at byte ${start} of the JSON`);
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) return at + 1;
    if (byte === backslash) at += 1;
  }
  throw new Error(`the string at byte ${start} of the JSON has no end`);
}

/** Braces and brackets counted together: in well-formed JSON they close in the order in which they were opened. */
function nestedEnd(bytes: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = stringEnd(bytes, at) - 1;
    else if (byte === openingBrace || byte === openingBracket) depth += 1;
    else if ((byte === closingBrace || byte === closingBracket) && --depth === 0) return at + 1;
  }
  throw new Error(`what starts at byte ${start} of the JSON has no end`);
}

function isSame(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}
