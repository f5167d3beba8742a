// Walks a JSON text by hand for what `JSON.parse` does not tell: keys that come twice, nesting, and Go's sentence for a
// text that is not JSON. Only used where that is asked for; the value itself always comes from `JSON.parse`.
import { findingsMax } from "./findings.ts";
import type { Finding } from "./findings.ts";

/** Lists and objects nested deeper than this are refused. Far above any Kubernetes kind, far below any stack. */
export const jsonDepthMax = 1000;

/** Text that is not JSON, or nested too deep; `message` is Go's sentence. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

interface Scanner {
  readonly text: string;
  at: number;
  depth: number;
  readonly path: string[];
  /** Undefined where duplicates are not wanted. */
  readonly duplicates: Finding[] | undefined;
  /** Told of every key, with where its text begins. */
  readonly onKey?: (path: string, at: number) => void;
}

/**
 * Scans the whole text.
 *
 * @returns duplicate keys in the order of the text, at most `findingsMax`
 * @throws JsonSyntaxError where the text is not JSON
 */
export function scanJson(text: string, wantDuplicates: boolean): readonly Finding[] {
  const scanner: Scanner = { text, at: 0, depth: 0, path: [], duplicates: wantDuplicates ? [] : undefined };
  skipSpace(scanner);
  scanValue(scanner);
  skipSpace(scanner);
  if (scanner.at < text.length) throw unexpected(scanner, "after top-level value");
  return scanner.duplicates ?? [];
}

/** Where the keys of these paths begin in a text that is JSON: the first two places of each. Cost: O(keys times depth). */
export function keyOffsets(text: string, paths: ReadonlySet<string>): ReadonlyMap<string, readonly number[]> {
  const offsets = new Map<string, number[]>();
  const onKey = (path: string, at: number): void => {
    const known = offsets.get(path) ?? [];
    if (paths.has(path) && known.length < 2) offsets.set(path, [...known, at]);
  };
  const scanner: Scanner = { text, at: 0, depth: 0, path: [], duplicates: undefined, onKey };
  skipSpace(scanner);
  scanValue(scanner);
  return offsets;
}

/** The deepest nesting of lists and objects, and how many members objects have in all. Nothing is judged. */
export function textShape(text: string): { readonly deepest: number; readonly members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x3a) members += 1;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return { deepest, members };
}

function scanValue(scanner: Scanner): void {
  switch (scanner.text[scanner.at]) {
    case "{":
      return nested(scanner, scanObject);
    case "[":
      return nested(scanner, scanList);
    case '"':
      scanString(scanner);
      return;
    case "t":
      return scanLiteral(scanner, "true");
    case "f":
      return scanLiteral(scanner, "false");
    case "n":
      return scanLiteral(scanner, "null");
    default:
      return scanNumber(scanner);
  }
}

function nested(scanner: Scanner, scan: (scanner: Scanner) => void): void {
  scanner.depth += 1;
  if (scanner.depth > jsonDepthMax) throw new JsonSyntaxError("exceeded max depth");
  scanner.at += 1;
  skipSpace(scanner);
  scan(scanner);
  scanner.at += 1;
  scanner.depth -= 1;
}

function scanObject(scanner: Scanner): void {
  if (scanner.text[scanner.at] === "}") return;
  const keys = new Set<string>();
  for (;;) {
    if (scanner.text[scanner.at] !== '"') throw unexpected(scanner, "looking for beginning of object key string");
    const at = scanner.at;
    const key = scanString(scanner);
    noteKey(scanner, keys, key);
    scanner.onKey?.(pathOf(scanner, key), at);
    skipSpace(scanner);
    if (scanner.text[scanner.at] !== ":") throw unexpected(scanner, "after object key");
    scanner.at += 1;
    skipSpace(scanner);
    scanner.path.push(`.${key}`);
    scanValue(scanner);
    scanner.path.pop();
    skipSpace(scanner);
    const next = scanner.text[scanner.at];
    if (next === "}") return;
    if (next !== ",") throw unexpected(scanner, "after object key:value pair");
    scanner.at += 1;
    skipSpace(scanner);
  }
}

function scanList(scanner: Scanner): void {
  if (scanner.text[scanner.at] === "]") return;
  for (let index = 0; ; index++) {
    scanner.path.push(`[${index}]`);
    scanValue(scanner);
    scanner.path.pop();
    skipSpace(scanner);
    const next = scanner.text[scanner.at];
    if (next === "]") return;
    if (next !== ",") throw unexpected(scanner, "after array element");
    scanner.at += 1;
    skipSpace(scanner);
  }
}

function noteKey(scanner: Scanner, keys: Set<string>, key: string): void {
  if (scanner.duplicates === undefined) return;
  if (keys.has(key) && scanner.duplicates.length < findingsMax) {
    const path = pathOf(scanner, key);
    if (!scanner.duplicates.some((finding) => finding.path === path))
      scanner.duplicates.push({ kind: "duplicateField", path });
  }
  keys.add(key);
}

function pathOf(scanner: Scanner, key: string): string {
  return [...scanner.path, `.${key}`].join("").replace(/^\./, "");
}

function scanString(scanner: Scanner): string {
  const start = scanner.at;
  let isEscaped = false;
  for (scanner.at += 1; ; scanner.at += 1) {
    const letter = scanner.text[scanner.at];
    if (letter === '"') break;
    if (letter === undefined || letter < " ") throw unexpected(scanner, "in string literal");
    if (letter === "\\") {
      isEscaped = true;
      scanEscape(scanner);
    }
  }
  scanner.at += 1;
  if (!isEscaped) return scanner.text.slice(start + 1, scanner.at - 1);
  return JSON.parse(scanner.text.slice(start, scanner.at)) as string;
}

function scanEscape(scanner: Scanner): void {
  scanner.at += 1;
  const letter = scanner.text[scanner.at];
  if (letter === undefined || !'bfnrt\\/"u'.includes(letter)) throw unexpected(scanner, "in string escape code");
  if (letter !== "u") return;
  for (let i = 0; i < 4; i++) {
    scanner.at += 1;
    if (!/^[0-9a-fA-F]$/.test(scanner.text[scanner.at] ?? ""))
      throw unexpected(scanner, "in \\u hexadecimal character escape");
  }
}

function scanLiteral(scanner: Scanner, literal: string): void {
  for (let i = 1; i < literal.length; i++) {
    scanner.at += 1;
    const expected = literal[i] as string;
    if (scanner.text[scanner.at] !== expected)
      throw unexpected(scanner, `in literal ${literal} (expecting '${expected}')`);
  }
  scanner.at += 1;
}

function scanNumber(scanner: Scanner): void {
  const isDigit = (): boolean => {
    const code = scanner.text.charCodeAt(scanner.at);
    return code >= 0x30 && code <= 0x39;
  };
  const digits = (where: string): void => {
    if (!isDigit()) throw unexpected(scanner, where);
    while (isDigit()) scanner.at += 1;
  };
  const isNegative = scanner.text[scanner.at] === "-";
  if (isNegative) scanner.at += 1;
  if (scanner.text[scanner.at] === "0") scanner.at += 1;
  else digits(isNegative ? "in numeric literal" : "looking for beginning of value");
  if (scanner.text[scanner.at] === ".") {
    scanner.at += 1;
    digits("after decimal point in numeric literal");
  }
  if (/^[eE]$/.test(scanner.text[scanner.at] ?? "")) {
    scanner.at += 1;
    if (/^[+-]$/.test(scanner.text[scanner.at] ?? "")) scanner.at += 1;
    digits("in exponent of numeric literal");
  }
}

function skipSpace(scanner: Scanner): void {
  for (; ; scanner.at += 1) {
    const code = scanner.text.charCodeAt(scanner.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x09 && code !== 0x0d) return;
  }
}

function unexpected(scanner: Scanner, where: string): JsonSyntaxError {
  const letter = scanner.text[scanner.at];
  if (letter === undefined) return new JsonSyntaxError("unexpected end of JSON input");
  const quoted = letter === "'" ? "'\\''" : letter === '"' ? `'"'` : `'${JSON.stringify(letter).slice(1, -1)}'`;
  return new JsonSyntaxError(`invalid character ${quoted} ${where}`);
}
