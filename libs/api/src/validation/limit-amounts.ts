// The amounts that one limit of a LimitRange gives for one resource must not contradict each other.
import { invalid } from "../meta/field-error.ts";
import { compareQuantities, parseQuantity } from "../quantity/quantity.ts";
import type { Errors } from "./basics.ts";
import { mayOvercommit } from "./resources.ts";

/** What is given for one resource. `fallback` is the limit of those that name none, `request` what they then ask for. */
export interface LimitAmounts {
  readonly min: string | undefined;
  readonly max: string | undefined;
  readonly fallback: string | undefined;
  readonly request: string | undefined;
  readonly ratio: string | undefined;
}

/** @param path of the limit */
export function checkAmountsAgree(errors: Errors, path: string, name: string, amounts: LimitAmounts): void {
  const { min, max, fallback, request, ratio } = amounts;
  const refuse = (list: string, value: string | undefined, detail: string): void => {
    errors.push(invalid(`${path}.${list}[${name}]`, value, detail));
  };
  if (exceeds(min, max)) refuse("min", min, `min value ${min} is greater than max value ${max}`);
  if (exceeds(min, request)) {
    refuse("defaultRequest", request, `min value ${min} is greater than default request value ${request}`);
  }
  if (exceeds(request, max)) {
    refuse("defaultRequest", request, `default request value ${request} is greater than max value ${max}`);
  }
  if (exceeds(request, fallback)) {
    refuse(
      "defaultRequest",
      request,
      `default request value ${request} is greater than default limit value ${fallback}`,
    );
  }
  if (exceeds(min, fallback)) refuse("default", min, `min value ${min} is greater than default value ${fallback}`);
  if (exceeds(fallback, max)) refuse("default", max, `default value ${fallback} is greater than max value ${max}`);
  if (ratio !== undefined) checkRatio(refuse, { min, max, ratio });
  const differ = fallback !== undefined && request !== undefined && compare(fallback, request) !== 0;
  if (differ && !mayOvercommit(name)) {
    refuse(
      "defaultRequest",
      request,
      `default value ${fallback} must equal to defaultRequest value ${request} in ${name}`,
    );
  }
}

/** How often a limit may be its request; with both bounds given, never more than they allow anyway. */
function checkRatio(
  refuse: (list: string, value: string | undefined, detail: string) => void,
  { min, max, ratio }: Pick<LimitAmounts, "min" | "max"> & { readonly ratio: string },
): void {
  if (compare(ratio, "1") < 0) refuse("maxLimitRequestRatio", ratio, `ratio ${ratio} is less than 1`);
  if (min === undefined || max === undefined) return;
  const [asked, low, high] = [ratio, min, max].map((text) => Number(parseQuantity(text).nanos) / 1e9);
  if (asked === undefined || low === undefined || high === undefined) return;
  const bound = high / low;
  if (asked > bound) {
    refuse("maxLimitRequestRatio", ratio, `ratio ${ratio} is greater than max/min = ${bound.toFixed(6)}`);
  }
}

function compare(left: string, right: string): number {
  return compareQuantities(parseQuantity(left), parseQuantity(right));
}

function exceeds(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && right !== undefined && compare(left, right) > 0;
}
