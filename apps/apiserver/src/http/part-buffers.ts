// Memory of a long body's parts, used again as soon as a part has left. Without it 50 MB of list are 200 new buffers
// outside of the heap, which the garbage collector has to look for. Nobody has to give a part back: one that was lost on
// the way (its client has gone) is collected as usual.

/** A part is about this large, or one item. */
export const listPartBytes = 256 * 1024;
/** Room for the item that fills a part; a part with a larger one has memory of its own. */
const bufferBytes = listPartBytes + 64 * 1024;
/** What is less than this is not worth a whole buffer. */
const pooledBytesMin = listPartBytes / 4;
/** Most that wait to be used again, 5 MiB together; past it what comes back is left to the garbage collector. */
const spareBuffersMax = 16;

const spare: Buffer[] = [];

/** The pieces one after the other. The bytes are the caller's until `giveBack`. */
export function joined(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (sizeBytes < pooledBytesMin || sizeBytes > bufferBytes) return Buffer.concat(pieces, sizeBytes);
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  let at = 0;
  for (const piece of pieces) {
    buffer.set(piece, at);
    at += piece.length;
  }
  return buffer.subarray(0, at);
}

/** The part has been taken over by the operating system or was copied: nobody looks at it any more. */
export function giveBack(part: Uint8Array): void {
  if (part.buffer.byteLength !== bufferBytes || spare.length >= spareBuffersMax) return;
  spare.push(Buffer.from(part.buffer as ArrayBuffer));
}
