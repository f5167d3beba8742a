import { badRequest, StatusError } from "@triarch/api";

const int64Max = (1n << 63n) - 1n;

/**
 * A whole number out of a query, as Go's strconv reads one into 64 bits; past 2^53 it is the nearest that a number holds.
 *
 * @returns undefined where the parameter is absent or empty
 * @throws StatusError 400
 */
export function queryInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const refuse = (why: string) =>
    new StatusError(badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`));
  if (!/^[+-]?\d+$/.test(text)) throw refuse("invalid syntax");
  // More digits are out of range without a look: a hostile number costs nothing.
  const digits = text.replace(/^[+-]?0*/, "");
  if (digits.length > 19 || BigInt(`0${digits}`) > int64Max) throw refuse("value out of range");
  return Number(text);
}
