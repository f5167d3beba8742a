// JSON bodies: bounded in depth, with Go's sentence for what is not JSON, and with duplicate keys where they are asked for.
import type { MutableValue } from "../meta/mutable.ts";
import type { Finding } from "./findings.ts";
import { jsonDepthMax, JsonSyntaxError, nestingDepth, scanJson } from "./json-scanner.ts";

export interface JsonText {
  readonly value: MutableValue;
  /** Keys that came twice; empty unless asked for. */
  readonly duplicates: readonly Finding[];
}

/**
 * Parses a body.
 *
 * @param options.findDuplicates walks the text a second time, by hand (about ten times slower than `JSON.parse`)
 * @throws JsonSyntaxError with Go's sentence, also for nesting past `jsonDepthMax`
 */
export function parseJson(text: string, options: { readonly findDuplicates: boolean }): JsonText {
  if (nestingDepth(text) > jsonDepthMax) throw new JsonSyntaxError("exceeded max depth");
  let value: MutableValue;
  try {
    value = JSON.parse(text) as MutableValue;
  } catch (cause) {
    scanJson(text, false);
    throw new JsonSyntaxError(`invalid JSON: ${(cause as Error).message}`, { cause });
  }
  return { value, duplicates: options.findDuplicates ? scanJson(text, true) : [] };
}
