/**
 * The state that the log is applied to: registers, and for the checkers which proposal was applied where, and a checksum
 * over everything that led to this state. Two states of one index that differ in anything differ in that checksum.
 */
import { crc32c, utf8, utf8Text } from "@triarch/base";
import type { Entry } from "@triarch/raft";

/** What a normal entry holds. Every id is proposed once; every value is written once. */
export interface Write {
  readonly id: string;
  readonly key: string;
  readonly value: string;
}

export interface Register {
  readonly value: string;
  /** Where it was written. */
  readonly index: number;
}

interface Content {
  index: number;
  term: number;
  chain: number;
  registers: Record<string, Register>;
  applied: Record<string, number>;
}

export class KvState {
  readonly #content: Content;

  constructor(content?: Content) {
    this.#content = content ?? { index: 0, term: 0, chain: 0, registers: {}, applied: {} };
  }

  get index(): number {
    return this.#content.index;
  }

  get term(): number {
    return this.#content.term;
  }

  get chain(): number {
    return this.#content.chain;
  }

  get appliedCount(): number {
    return Object.keys(this.#content.applied).length;
  }

  register(key: string): Register | undefined {
    return this.#content.registers[key];
  }

  appliedAt(id: string): number | undefined {
    return this.#content.applied[id];
  }

  moveTo(index: number, term: number): void {
    this.#content.index = index;
    this.#content.term = term;
  }

  /** Takes what `entry` brings into the checksum; changes of membership too. */
  mix({ index, term, data }: Entry): void {
    const seed = crc32c(utf8(`${index}/${term}`), this.#content.chain);
    this.#content.chain = crc32c(data, seed);
  }

  write({ id, key, value }: Write, index: number): void {
    this.#content.registers[key] = { value, index };
    this.#content.applied[id] = index;
  }

  encode(): Uint8Array {
    const text = JSON.stringify(this.#content);
    return utf8(`${crc32c(utf8(text)).toString(16).padStart(8, "0")}${text}`);
  }

  /** @throws Error when the bytes are not those of a state */
  static decode(bytes: Uint8Array): KvState {
    const whole = utf8Text(bytes);
    const text = whole.slice(8);
    if (crc32c(utf8(text)).toString(16).padStart(8, "0") !== whole.slice(0, 8)) throw new Error("not a state");
    return new KvState(JSON.parse(text) as Content);
  }
}

export function encodeWrite(write: Write): Uint8Array {
  return utf8(JSON.stringify(write));
}

export function decodeWrite(data: Uint8Array): Write {
  return JSON.parse(utf8Text(data)) as Write;
}
