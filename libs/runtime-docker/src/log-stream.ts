// Docker frames the output of containers without a terminal: 8 bytes (stream, three zeros, length big endian), then the
// payload (Engine API, "Attach to a container").
import { Transform, type TransformCallback } from "node:stream";

const headerBytes = 8;

/** Frames in, payload out. Keeps at most one header and hands payload on as it comes. */
export class LogFrames extends Transform {
  #header = Buffer.alloc(0);
  #payloadLeft = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#payloadLeft > 0) {
        const part = rest.subarray(0, this.#payloadLeft);
        this.push(part);
        this.#payloadLeft -= part.length;
        rest = rest.subarray(part.length);
        continue;
      }
      const missing = headerBytes - this.#header.length;
      this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (this.#header.length < headerBytes) break;
      this.#payloadLeft = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    done();
  }
}
