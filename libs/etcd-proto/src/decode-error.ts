/** The bytes, or the JSON, are not what they should be. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}
