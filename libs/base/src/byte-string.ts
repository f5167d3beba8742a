/**
 * Bytes as a string with one character (U+0000 to U+00FF) per byte. Such strings are hashed and compared by the engine,
 * `<` orders them as `compareBytes` orders the bytes, and a key costs a fifth of the memory of a `Uint8Array`.
 * They are for indexes in memory, never for people: text goes through `utf8Text`.
 */
export type ByteString = string;

const chunkBytes = 4096;

export function toByteString(bytes: Uint8Array): ByteString {
  if (bytes.length <= chunkBytes) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let text = "";
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    text += String.fromCharCode.apply(null, bytes.subarray(start, start + chunkBytes) as unknown as number[]);
  }
  return text;
}

export function fromByteString(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
