// JSON bodies: bounded in depth, with Go's sentence for what is not JSON, and with duplicate keys where they are asked for.
import type { MutableValue } from "../meta/mutable.ts";
import type { Finding } from "./findings.ts";
import { jsonDepthMax, JsonSyntaxError, scanJson, textShape } from "./json-scanner.ts";

export interface JsonText {
  readonly value: MutableValue;
  /** Keys that came twice; empty unless asked for. */
  readonly duplicates: readonly Finding[];
}

/**
 * Parses a body.
 *
 * @param options.findDuplicates counts keys; where some are missing, walks the text by hand (ten times slower than `JSON.parse`)
 * @throws JsonSyntaxError with Go's sentence, also for nesting past `jsonDepthMax`
 */
export function parseJson(text: string, options: { readonly findDuplicates: boolean }): JsonText {
  const { deepest, members } = textShape(text);
  if (deepest > jsonDepthMax) throw new JsonSyntaxError("exceeded max depth");
  let value: MutableValue;
  try {
    value = JSON.parse(text) as MutableValue;
  } catch (cause) {
    scanJson(text, false);
    throw new JsonSyntaxError(`invalid JSON: ${(cause as Error).message}`, { cause });
  }
  // Of a key that comes twice, one is lost in the value.
  const hasDuplicates = options.findDuplicates && memberCount(value) < members;
  return { value, duplicates: hasDuplicates ? scanJson(text, true) : [] };
}

/** Of all objects in `value`. */
function memberCount(value: MutableValue | undefined): number {
  if (value === null || typeof value !== "object") return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += memberCount(item);
  else for (const key in value) count += 1 + memberCount(value[key]);
  return count;
}
