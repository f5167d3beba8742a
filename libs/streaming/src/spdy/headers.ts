// Header blocks: pairs of names and values, compressed with one zlib stream per direction that lasts as long as the
// connection. Blocks must therefore be read in the order they came, also those that nobody wants.
import { createInflate, type Inflate } from "node:zlib";
import { dictionary } from "./dictionary.ts";
import { SpdyError } from "./spdy-error.ts";

/** Names in lower case. Several values of one name are joined by a zero byte, as on the wire. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** Largest header block, inflated; past it the connection ends. */
export const headerBytesMax = 64 * 1024;
/** Largest stored (not compressed) block of deflate. */
const storedBytesMax = 65_535;

/** Reads the compressed blocks of one direction, one at a time. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary });
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on("error", (error) => (this.#failure = error));
  }

  /** @throws SpdyError "badHeaders" */
  async read(block: Uint8Array): Promise<SpdyHeaders> {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const take = (): void => {
      for (let chunk = this.#next(); chunk !== null; chunk = this.#next()) {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > headerBytesMax)
          this.#inflate.destroy(new Error(`more than ${headerBytesMax} bytes of headers`));
      }
    };
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#inflate.off("readable", take).off("close", done);
        resolve();
      };
      this.#inflate.on("readable", take).once("close", done);
      this.#inflate.write(block, done);
    });
    take();
    if (this.#failure !== undefined) {
      throw new SpdyError({ code: "badHeaders", message: `headers can't be inflated: ${this.#failure.message}` });
    }
    return parseHeaders(Buffer.concat(chunks));
  }

  close(): void {
    this.#inflate.destroy();
  }

  #next(): Buffer | null {
    return this.#inflate.destroyed ? null : (this.#inflate.read() as Buffer | null);
  }
}

/** An empty stored block: some readers (Go's) give out what they have only when they see it. */
const flush = Buffer.of(0, 0, 0, 0xff, 0xff);

/** Writes blocks in zlib's form without compressing: what we send is a few bytes per stream. */
export class HeaderWriter {
  #begun = false;

  write(headers: SpdyHeaders): Buffer {
    const plain = formatHeaders(headers);
    if (plain.length > storedBytesMax) throw new RangeError(`headers of ${plain.length} bytes`);
    const begin = this.#begun ? [] : [Buffer.from([0x78, 0x01])];
    this.#begun = true;
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.length, 1);
    stored.writeUInt16LE(plain.length ^ 0xffff, 3);
    return Buffer.concat([...begin, stored, plain, flush]);
  }
}

function parseHeaders(block: Buffer): SpdyHeaders {
  const headers = new Map<string, string>();
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new SpdyError({ code: "badHeaders", message: "a header block ends early" });
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > block.length) throw new SpdyError({ code: "badHeaders", message: "a header block ends early" });
    at += length;
    return block.toString("utf8", at - length, at);
  };
  for (let left = number(); left > 0; left -= 1) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  return headers;
}

function formatHeaders(headers: SpdyHeaders): Buffer {
  const parts: Buffer[] = [length(headers.size)];
  for (const entry of headers)
    for (const text of entry.map((one) => Buffer.from(one))) parts.push(length(text.length), text);
  return Buffer.concat(parts);
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
