// Base64 as Go's `encoding/base64` has it: standard alphabet, padding required, line breaks ignored, and for bad input the
// offset that Go reports. (`atob` would accept more and say less.)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const padding = 0x3d;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const valueOf = new Int8Array(256).fill(-1);
for (let i = 0; i < alphabet.length; i++) valueOf[alphabet.charCodeAt(i)] = i;

/** Text that is not base64; `message` is Go's sentence. */
export class Base64Error extends Error {
  override readonly name = "Base64Error";
  constructor(offset: number) {
    super(`illegal base64 data at input byte ${offset}`);
  }
}

export function base64Text(bytes: Uint8Array): string {
  let text = "";
  const whole = bytes.length - (bytes.length % 3);
  for (let i = 0; i < whole; i += 3) {
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    text += letter(group >> 18) + letter(group >> 12) + letter(group >> 6) + letter(group);
  }
  if (bytes.length - whole === 1) {
    const group = (bytes[whole] as number) << 16;
    text += `${letter(group >> 18)}${letter(group >> 12)}==`;
  } else if (bytes.length - whole === 2) {
    const group = ((bytes[whole] as number) << 16) | ((bytes[whole + 1] as number) << 8);
    text += `${letter(group >> 18)}${letter(group >> 12)}${letter(group >> 6)}=`;
  }
  return text;
}

/** @throws Base64Error */
export function base64Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((text.length * 3) / 4));
  let written = 0;
  let at = 0;
  for (;;) {
    let group = 0;
    let digits = 0;
    while (digits < 4) {
      if (at === text.length) {
        if (digits === 0) return bytes.subarray(0, written);
        throw new Base64Error(at - digits);
      }
      const code = text.charCodeAt(at++);
      if (code === lineFeed || code === carriageReturn) continue;
      const value = code < 256 ? (valueOf[code] as number) : -1;
      if (value < 0) {
        if (code !== padding || digits < 2) throw new Base64Error(at - 1);
        endPadded(text, at, digits);
        group <<= 6 * (4 - digits);
        for (let i = 0; i < digits - 1; i++) bytes[written++] = (group >> (16 - 8 * i)) & 0xff;
        return bytes.subarray(0, written);
      }
      group = (group << 6) | value;
      digits += 1;
    }
    bytes[written++] = (group >> 16) & 0xff;
    bytes[written++] = (group >> 8) & 0xff;
    bytes[written++] = group & 0xff;
  }
}

/** Checks what follows the first `=`: one more if only two digits came before, then nothing. */
function endPadded(text: string, start: number, digits: number): void {
  let at = skipLineBreaks(text, start);
  if (digits === 2) {
    if (at === text.length) throw new Base64Error(text.length);
    if (text.charCodeAt(at) !== padding) throw new Base64Error(at - 1);
    at = skipLineBreaks(text, at + 1);
  }
  if (at < text.length) throw new Base64Error(at);
}

function skipLineBreaks(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) === lineFeed || text.charCodeAt(at) === carriageReturn) at += 1;
  return at;
}

function letter(sixBits: number): string {
  return alphabet[sixBits & 0x3f] as string;
}
