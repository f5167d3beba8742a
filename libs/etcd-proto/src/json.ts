/**
 * proto3's JSON forms of scalars: bytes as base64, 64-bit integers as decimal strings, enumerations by name. What is
 * read may be a number or a string, base64 of either alphabet, an enumeration by name or number.
 */
import { fromByteString, toByteString } from "@triarch/base";
import { DecodeError } from "./decode-error.ts";

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue };

export interface JsonForm<T> {
  readonly toJson: (value: T) => JsonValue;
  /** @throws DecodeError */
  readonly fromJson: (json: unknown) => T;
}

const decimal = /^-?(0|[1-9][0-9]*)$/;

export const integerJson: JsonForm<number> = {
  toJson: (value) => String(value),
  fromJson: (json) => {
    const value = typeof json === "string" && decimal.test(json) ? Number(json) : json;
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    throw new DecodeError(`not an integer of at most 2^53-1: ${JSON.stringify(json)}`);
  },
};

export const smallIntegerJson: JsonForm<number> = { toJson: (value) => value, fromJson: integerJson.fromJson };

/** @param wrap brings a value into the field's 64 bits; one that it changes does not fit */
export function bigIntegerJson(wrap: (value: bigint) => bigint): JsonForm<bigint> {
  return {
    toJson: (value) => value.toString(),
    fromJson: (json) => {
      const isText = typeof json === "string" && decimal.test(json) && json.length <= 20;
      const value = isText ? BigInt(json) : BigInt(integerJson.fromJson(json));
      if (wrap(value) === value) return value;
      throw new DecodeError(`not an integer of 64 bits: ${JSON.stringify(json)}`);
    },
  };
}

export const boolJson: JsonForm<boolean> = {
  toJson: (value) => value,
  fromJson: (json) => {
    if (typeof json === "boolean") return json;
    throw new DecodeError(`not true or false: ${JSON.stringify(json)}`);
  },
};

export const stringJson: JsonForm<string> = {
  toJson: (value) => value,
  fromJson: (json) => {
    if (typeof json === "string") return json;
    throw new DecodeError(`not a string: ${JSON.stringify(json)}`);
  },
};

export const bytesJson: JsonForm<Uint8Array> = {
  toJson: (value) => btoa(toByteString(value)),
  fromJson: (json) => {
    const text = stringJson.fromJson(json);
    try {
      return fromByteString(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
    } catch (error) {
      throw new DecodeError("not base64", { cause: error });
    }
  },
};

/** @param names by number; a number without one stands for itself */
export function enumerationJson(names: readonly string[]): JsonForm<number> {
  return {
    toJson: (value) => names[value] ?? value,
    fromJson: (json) => {
      if (typeof json !== "string") return integerJson.fromJson(json);
      const value = names.indexOf(json);
      if (value >= 0) return value;
      throw new DecodeError(`not one of ${names.join(", ")}: ${JSON.stringify(json)}`);
    },
  };
}
