// Docker's framed output: eight bytes before each piece, the first says stdout (1) or stderr (2), the last four how long
// it is. With a terminal there are no frames, and everything is stdout. A reader that is slow stops Docker's writer.
import { Writable } from "node:stream";

export interface Outputs {
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
}

const headBytes = 8;
const stderrStream = 2;

export class OutputFrames extends Writable {
  readonly #outputs: Outputs;
  readonly #framed: boolean;
  #head = Buffer.alloc(0);
  #left = 0;
  #target: Writable | undefined;

  constructor(form: "raw" | "framed", outputs: Outputs) {
    super();
    this.#framed = form === "framed";
    this.#outputs = outputs;
    this.#target = outputs.stdout;
    // Nobody reads any more: what still comes is dropped, so that the command can end.
    this.on("error", () => undefined);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take(chunk).then(
      () => done(),
      (error: unknown) => done(error as Error),
    );
  }

  async #take(chunk: Buffer): Promise<void> {
    if (!this.#framed) return handOver(this.#target, chunk);
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const missing = headBytes - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length < headBytes) return;
        this.#target = this.#head[0] === stderrStream ? this.#outputs.stderr : this.#outputs.stdout;
        this.#left = this.#head.readUInt32BE(4);
        this.#head = Buffer.alloc(0);
        continue;
      }
      const part = rest.subarray(0, this.#left);
      rest = rest.subarray(part.length);
      this.#left -= part.length;
      await handOver(this.#target, part);
    }
  }
}

async function handOver(target: Writable | undefined, bytes: Buffer): Promise<void> {
  if (target === undefined || !target.writable) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      target.off("close", done);
      resolve();
    };
    target.once("close", done);
    target.write(bytes, done);
  });
}
