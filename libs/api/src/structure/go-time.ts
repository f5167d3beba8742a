// Why a text is no time, in the words of Go's `time.Parse`, which clients see in the answer.

export const timeLayout = "2006-01-02T15:04:05Z07:00";
export const microTimeLayout = "2006-01-02T15:04:05.000000Z07:00";

/** Layout elements with what they match and the range of their number. */
const elements: readonly (readonly [name: string, pattern: RegExp, range?: readonly [number, number, string]])[] = [
  ["2006", /^\d{4}/],
  ["-", /^-/],
  ["01", /^\d\d/, [1, 12, "month"]],
  ["-", /^-/],
  ["02", /^\d\d/, [1, 31, "day"]],
  ["T", /^T/],
  ["15", /^\d\d/, [0, 23, "hour"]],
  [":", /^:/],
  ["04", /^\d\d/, [0, 59, "minute"]],
  [":", /^:/],
  ["05", /^\d\d/, [0, 59, "second"]],
];
const zone: readonly [string, RegExp] = ["Z07:00", /^(Z|[+-]\d\d:\d\d)/];

/** @param text one that `parseTime` refuses, or that lacks the fraction the layout asks for */
export function timeError(text: string, layout: string): string {
  const fraction: readonly [string, RegExp] =
    layout === microTimeLayout ? [".000000", /^\.\d{6}(?!\d)/] : ["", /^(\.\d+)?/];
  const quoted = JSON.stringify(text);
  let rest = text;
  for (const [name, pattern, range] of [...elements, fraction, zone]) {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined)
      return `parsing time ${quoted} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(name)}`;
    if (range !== undefined && (Number(found) < range[0] || Number(found) > range[1]))
      return `parsing time ${quoted}: ${range[2]} out of range`;
    rest = rest.slice(found.length);
  }
  if (rest !== "") return `parsing time ${quoted}: extra text: ${JSON.stringify(rest)}`;
  return `parsing time ${quoted}: day out of range`;
}

/** Whether the text has the six decimals that a MicroTime must have. */
export function hasSixDecimals(text: string): boolean {
  return /\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(text);
}
