// DER, as far as certificates need it: elements one after the other, each a tag, a length and its content.

export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** Those between `start` and `end`, up to the first that does not fit. */
export function elementsOf(bytes: Uint8Array, start: number, end: number): readonly DerElement[] {
  const found: DerElement[] = [];
  for (let at = start; at < end;) {
    const element = elementAt(bytes, at);
    if (element === undefined) break;
    found.push(element);
    at = element.end;
  }
  return found;
}

/** The element whose tag stands at `at`, or `undefined` where none fits into the bytes. */
export function elementAt(bytes: Uint8Array, at: number): DerElement | undefined {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  let [start, length] = [at + 2, first];
  if (first >= 0x80) {
    const count = first - 0x80;
    if (count === 0 || count > 4) return undefined;
    length = bytes.subarray(start, start + count).reduce((sum, byte) => sum * 256 + byte, 0);
    start += count;
  }
  return start + length > bytes.length ? undefined : { tag, start, end: start + length };
}
