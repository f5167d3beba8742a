/**
 * Messages from a table of fields: one definition gives the TypeScript type, the encoder and the decoder.
 *
 * `encode` writes fields in ascending number and leaves zero values out, so equal messages have equal bytes, the same
 * that Go writes. `decode` skips unknown fields, takes the last of repeated single fields, and checks every length.
 */
import protobuf from "protobufjs/minimal.js";
import type { Reader, Writer } from "protobufjs/minimal.js";
import { compileMessage } from "./compile.ts";
import { DecodeError } from "./decode-error.ts";
import type { Field } from "./fields.ts";
import type { JsonValue } from "./json.ts";

/** Messages nested deeper than this are refused on decode (a nested transaction is the only one that can be). */
export const nestingDepthMax = 100;

export interface MessageType<T, Init> {
  readonly name: string;
  /** Fills in what `init` leaves out with zero values. */
  create(init?: Init): T;
  encode(value: Init): Uint8Array;
  /**
   * Byte fields of the result are views of `bytes`.
   * @throws DecodeError when `bytes` is not such a message
   */
  decode(bytes: Uint8Array): T;
  /** As proto3's JSON, with the field names of the .proto files; zero values are left out. */
  toJson(value: Init): JsonValue;
  /**
   * Takes a field also by its name here; what it does not know is passed over.
   * @throws DecodeError when `json` is not such a message
   */
  fromJson(json: unknown): T;
  /** For containing messages: body without length. */
  write(writer: Writer, value: Init): void;
  /** For containing messages: a body of `length` bytes at the reader's place. */
  read(reader: Reader, length: number, depth: number): T;
}

type Fields = Readonly<Record<string, Field<never, never>>>;
type ValueOf<F> = { readonly [K in keyof F]: F[K] extends Field<infer T, infer _Init> ? T : never };
type InitOf<F> = { readonly [K in keyof F]?: (F[K] extends Field<infer _T, infer Init> ? Init : never) | undefined };

/** The type of a message, as decoded: every field present. */
export type Value<M> = M extends MessageType<infer T, infer _Init> ? T : never;
/** What may be encoded: any field may be left out. */
export type Init<M> = M extends MessageType<infer _T, infer I> ? I : never;

interface AnyField {
  readonly key: string;
  readonly field: Field<unknown, unknown>;
  readonly jsonName: string;
}

export function defineMessage<const F extends { readonly [K in keyof F]: Pick<Field<never, never>, "number"> }>(
  name: string,
  fields: F,
  options: { readonly jsonNames?: { readonly [K in keyof F]?: string } } = {},
): MessageType<ValueOf<F>, InitOf<F>> {
  const jsonNames = (options.jsonNames ?? {}) as Readonly<Record<string, string | undefined>>;
  const ordered: AnyField[] = Object.entries(fields as unknown as Fields)
    .map(([key, field]) => ({ key, field, jsonName: jsonNames[key] ?? snakeCase(key) }))
    .sort((left, right) => left.field.number - right.field.number);
  const { zero, create, write, fill } = compileMessage(ordered);

  function read(reader: Reader, length: number, depth: number): Record<string, unknown> {
    if (depth > nestingDepthMax) throw new RangeError(`nested deeper than ${nestingDepthMax} messages`);
    const end = reader.pos + length;
    if (end > reader.len) throw new RangeError(`length ${length} at offset ${reader.pos} runs past the end`);
    const value = zero();
    fill(value, reader, end, depth);
    if (reader.pos !== end) throw new RangeError(`a field runs past the end of its message at offset ${end}`);
    return value;
  }

  function toJson(value: Readonly<Record<string, unknown>>): JsonValue {
    const json: Record<string, JsonValue> = {};
    for (const { key, field, jsonName } of ordered) {
      const form = value[key] === undefined ? undefined : field.toJson(value[key]);
      if (form !== undefined) json[jsonName] = form;
    }
    return json;
  }

  function fromJson(json: unknown): Record<string, unknown> {
    if (typeof json !== "object" || json === null || Array.isArray(json))
      throw new DecodeError(`not a ${name}: no object`);
    const given = json as Readonly<Record<string, unknown>>;
    const value = zero();
    for (const { key, field, jsonName } of ordered) {
      const form = given[jsonName] ?? given[key];
      if (form === undefined || form === null) continue;
      try {
        value[key] = field.fromJson(form);
      } catch (error) {
        throw new DecodeError(`${jsonName}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
    return value;
  }

  const type = {
    name,
    toJson,
    fromJson,
    create: (init: Readonly<Record<string, unknown>> = {}) => create(init),
    write,
    read,
    encode: (value: Readonly<Record<string, unknown>>): Uint8Array => {
      const writer = sharedWriter();
      write(writer, value);
      return writer.finishInto(new Uint8Array(writer.pos));
    },
    decode: (bytes: Uint8Array): Record<string, unknown> => {
      try {
        return read(new protobuf.Reader(plainBytes(bytes)), bytes.length, 0);
      } catch (error) {
        throw new DecodeError(`not a ${name}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    },
  };
  return type as unknown as MessageType<ValueOf<F>, InitOf<F>>;
}

/** A writer whose buffer grew past this is not kept for the next message. */
const keptWriterBytesMax = 1024 * 1024;
let keptWriter = new protobuf.Writer();

/** One writer for all: encoding is one synchronous stretch that ends in a copy of exact length. */
function sharedWriter(): Writer {
  if (keptWriter.buf.length > keptWriterBytesMax) keptWriter = new protobuf.Writer();
  keptWriter.pos = 0;
  keptWriter.states = null;
  return keptWriter;
}

function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
}

/** Subclasses (Node's Buffer) would hand their class on to every bytes field; `slice` on those does not copy. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
