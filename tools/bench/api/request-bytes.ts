// A request's bytes, made once; only the number in it changes.
import { numberMark, type RequestShape } from "./protocol.ts";

export class RequestBytes {
  readonly bytes: Buffer;
  /** Where the number stands. */
  readonly #marks: readonly number[];

  constructor({ method, path, accept = "application/json", body = "" }: RequestShape) {
    const content = body === "" ? [] : ["content-type: application/json", `content-length: ${Buffer.byteLength(body)}`];
    const head = [`${method} ${path} HTTP/1.1`, "host: bench", "user-agent: bench/1", `accept: ${accept}`, ...content];
    this.bytes = Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
    const marks: number[] = [];
    for (let at = this.bytes.indexOf(numberMark); at >= 0; at = this.bytes.indexOf(numberMark, at + 1)) marks.push(at);
    this.#marks = marks;
  }

  setNumber(value: number): void {
    for (const at of this.#marks) {
      let rest = value;
      for (let i = at + numberMark.length - 1; i >= at; i--) {
        this.bytes[i] = 48 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
  }
}
