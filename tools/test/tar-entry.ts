// Reads one file out of an unpacked tar archive held in memory (POSIX ustar: 512-byte headers, sizes in octal).

const blockSize = 512;

/** @throws Error when there is no such entry */
export function tarEntry(archive: Buffer, name: string): Buffer {
  for (let at = 0; at + blockSize <= archive.length;) {
    const found = text(archive, at, 100);
    if (found === "") break;
    const prefix = text(archive, at + 345, 155);
    const size = Number.parseInt(text(archive, at + 124, 12).trim(), 8);
    if (!Number.isInteger(size)) throw new Error(`damaged tar archive at byte ${at}`);
    const start = at + blockSize;
    if ((prefix === "" ? found : `${prefix}/${found}`) === name) return archive.subarray(start, start + size);
    at = start + Math.ceil(size / blockSize) * blockSize;
  }
  throw new Error(`the tar archive has no ${name}`);
}

function text(archive: Buffer, start: number, length: number): string {
  const raw = archive.toString("latin1", start, start + length);
  const end = raw.indexOf("\0");
  return end < 0 ? raw : raw.slice(0, end);
}
