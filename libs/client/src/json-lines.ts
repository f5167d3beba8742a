/** Longest line of a watch that is read; an object is at most 1.5 MiB. */
const lineBytesMax = 8 * 1024 * 1024;

/**
 * Splits a byte stream into lines and decodes each as JSON.
 * @throws Error when a line is longer than 8 MiB or not JSON
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      start = end + 1;
      const line =
        pending.length === 1
          ? Buffer.from(pending[0] as Uint8Array).toString("utf8")
          : Buffer.concat(pending).toString("utf8");
      pending = [];
      pendingBytes = 0;
      if (line.trim() !== "") yield JSON.parse(line);
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > lineBytesMax) throw new Error(`a watch line is longer than ${lineBytesMax} bytes`);
    }
  }
}
