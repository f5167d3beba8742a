// Kubernetes quantities: `100m`, `1.5Gi`, `1e3`. A quantity is an exact decimal, kept as bigint × 10^-9 (nothing finer
// is stored; what is finer is rounded up, away from zero) with the notation it was written in, so that it prints in
// that notation: `1024Mi` as `1Gi`, `1000m` as `1`.

export type QuantityFormat = "decimalSI" | "binarySI" | "decimalExponent";

export interface Quantity {
  /** Value in units of 10^-9. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

/** Text that is no quantity; `message` is Kubernetes' sentence. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

const nano = 1_000_000_000n;
const quantityPattern = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$/;
const binaryShifts = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const decimalSuffixes = new Map([
  [-9, "n"],
  [-6, "u"],
  [-3, "m"],
  [0, ""],
  [3, "k"],
  [6, "M"],
  [9, "G"],
  [12, "T"],
  [15, "P"],
  [18, "E"],
]);
const decimalExponents = new Map([...decimalSuffixes].map(([exponent, suffix]) => [suffix, exponent]));
/** Larger values are cut to this, as Kubernetes does. */
const maxNanos = ((1n << 63n) - 1n) * nano;
/** A power of ten past this is cut to the largest value anyway; the bound keeps hostile exponents cheap. */
const exponentMax = 40;
const textLengthMax = 256;

export const zeroQuantity: Quantity = { nanos: 0n, format: "decimalSI" };

/** @throws QuantityError on text that is no quantity */
export function parseQuantity(text: string): Quantity {
  const parts = text.length <= textLengthMax ? quantityPattern.exec(text) : null;
  const [whole = "", fraction = "", suffix = ""] = [parts?.[2], parts?.[3], parts?.[4]];
  if (parts === null || whole + fraction === "") throw new QuantityError(quantityErrorText);
  const digits = BigInt(whole + fraction);
  const shift = binaryShifts.indexOf(suffix);
  const binary = suffix !== "" && shift > 0;
  const exponential = /^[eE][+-]?\d/.test(suffix);
  const exponent = exponential ? Number(suffix.slice(1)) : binary ? 0 : (decimalExponents.get(suffix) ?? 0);
  const scaled = binary ? digits << BigInt(10 * shift) : digits;
  const nanos = scaleUp(scaled, 9 + exponent - fraction.length);
  const bounded = nanos > maxNanos ? maxNanos : nanos;
  return {
    nanos: parts[1] === "-" ? -bounded : bounded,
    format: binary ? "binarySI" : exponential ? "decimalExponent" : "decimalSI",
  };
}

export const quantityErrorText =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

export function isQuantity(text: string): boolean {
  return text.length <= textLengthMax && quantityPattern.test(text) && /\d/.test(text);
}

/** The text that stands for this value: no fraction, the largest suffix that needs none. */
export function quantityText(quantity: Quantity): string {
  const { nanos, format } = quantity;
  if (nanos === 0n) return "0";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  // Below 1024 and with fractions, binary notation has nothing to offer.
  if (format === "binarySI" && size >= 1024n * nano && size % nano === 0n) {
    let value = size / nano;
    let shift = 0;
    while (value % 1024n === 0n && shift < binaryShifts.length - 1) {
      value /= 1024n;
      shift++;
    }
    return `${sign}${value}${binaryShifts[shift] ?? ""}`;
  }
  let value = size;
  let exponent = -9;
  while (value % 1000n === 0n && exponent < 18) {
    value /= 1000n;
    exponent += 3;
  }
  if (format === "decimalExponent") return `${sign}${value}${exponent === 0 ? "" : `e${exponent}`}`;
  return `${sign}${value}${decimalSuffixes.get(exponent) ?? ""}`;
}

/** `canonicalQuantity("1024Mi")` is `1Gi`. @throws QuantityError */
export function canonicalQuantity(text: string): string {
  return quantityText(parseQuantity(text));
}

/** Negative, zero or positive, as for `sort`. */
export function compareQuantities(left: Quantity, right: Quantity): number {
  return left.nanos < right.nanos ? -1 : left.nanos > right.nanos ? 1 : 0;
}

/** The sum keeps the left notation, unless left is zero. */
export function addQuantities(left: Quantity, right: Quantity): Quantity {
  return { nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

export function subtractQuantities(left: Quantity, right: Quantity): Quantity {
  return { nanos: left.nanos - right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

/** Whole units, rounded up: what a scheduler counts bytes in. */
export function quantityValue(quantity: Quantity): bigint {
  return divideUp(quantity.nanos, nano);
}

/** Thousandths, rounded up: what CPU is counted in. */
export function quantityMilliValue(quantity: Quantity): bigint {
  return divideUp(quantity.nanos, 1_000_000n);
}

function scaleUp(value: bigint, exponent: number): bigint {
  if (exponent >= 0) return value === 0n ? 0n : value * 10n ** BigInt(Math.min(exponent, exponentMax));
  return divideUp(value, 10n ** BigInt(Math.min(-exponent, textLengthMax + exponentMax)));
}

/** Away from zero, as Kubernetes rounds. */
function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}
