// Base64 (RFC 4648, with padding), for the bytes that JSON carries.

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const block = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += alphabet.charAt(block >> 18) + alphabet.charAt((block >> 12) & 63);
    text += left > 1 ? alphabet.charAt((block >> 6) & 63) : "=";
    text += left > 2 ? alphabet.charAt(block & 63) : "=";
  }
  return text;
}

/** Reads what `encodeBase64` writes; the structure check has refused other text, of which this makes what it can. */
export function decodeBase64(text: string): Uint8Array {
  const digits = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let [bits, bitCount, length] = [0, 0, 0];
  for (const digit of digits) {
    bits = ((bits << 6) | Math.max(0, alphabet.indexOf(digit))) & 0xffffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[length++] = (bits >> bitCount) & 0xff;
    }
  }
  return bytes;
}
