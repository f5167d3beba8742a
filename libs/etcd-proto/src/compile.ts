/**
 * The hot functions of a message type, made from its fields as source text: every field is read and written by its name,
 * and all messages of a type have one shape, which a loop over a table of fields can't give.
 *
 * The text holds keys of the definition and numbers only, never anything of a request.
 */
import { assert } from "@triarch/base";
import type { Reader, Writer } from "protobufjs/minimal.js";
import type { Field } from "./fields.ts";

export interface NamedField {
  readonly key: string;
  readonly field: Field<unknown, unknown>;
}

export interface CompiledMessage {
  readonly zero: () => Record<string, unknown>;
  readonly create: (init: Readonly<Record<string, unknown>>) => Record<string, unknown>;
  readonly write: (writer: Writer, value: Readonly<Record<string, unknown>>) => void;
  /** Reads fields up to `end`, at least. */
  readonly fill: (value: Record<string, unknown>, reader: Reader, end: number, depth: number) => void;
}

/** @param ordered by number */
export function compileMessage(ordered: readonly NamedField[]): CompiledMessage {
  for (const { key } of ordered) assert(/^[A-Za-z]\w*$/.test(key), `${key} is no name of a field`);
  const each = (line: (key: string, at: number) => string): string =>
    ordered.map(({ key }, at) => line(key, at)).join("\n");
  const cases = ordered.flatMap(({ key, field }, at) =>
    field.wireTypes.map((wireType) => {
      const tag = (field.number << 3) | wireType;
      return `case ${tag}: value.${key} = f${at}.read(reader, value.${key}, ${wireType}, depth); break;`;
    }),
  );
  const source = `
    ${each((_, at) => `const f${at} = fields[${at}], z${at} = f${at}.zero;`)}
    return {
      zero: () => ({ ${each((key, at) => `${key}: z${at},`)} }),
      create: (init) => ({
        ${each((key, at) => `${key}: init.${key} === undefined ? z${at} : f${at}.complete(init.${key}),`)}
      }),
      write: (writer, value) => {
        ${each((key, at) => `if (value.${key} !== undefined) f${at}.write(writer, value.${key});`)}
      },
      fill: (value, reader, end, depth) => {
        while (reader.pos < end) {
          const tag = reader.uint32();
          switch (tag) {
            ${cases.join("\n")}
            default: reader.skipType(tag & 7);
          }
        }
      },
    };`;
  const make = new Function("fields", source) as (fields: readonly Field<unknown, unknown>[]) => CompiledMessage;
  return make(ordered.map(({ field }) => field));
}
