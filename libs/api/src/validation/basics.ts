// Checks that many kinds share: enumerations, numbers, percentages, ports, addresses, selectors.
import type { LabelSelector } from "../generated/types.generated.ts";
import type { JsonValue } from "../json.ts";
import { type FieldError, forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import {
  dns1123Subdomain,
  httpPath,
  labelKey,
  labelValue,
  type NameCheck,
  percentText,
  portName,
  validPort,
} from "../meta/names.ts";
import { validateLabels } from "../meta/object-meta.ts";
import type { Sparse } from "./sparse.ts";

/** What the checks collect into. */
export type Errors = FieldError[];

/** A field that must be one of `supported`. An empty text counts as missing where `whenEmpty` is "required". */
export function checkEnum(
  errors: Errors,
  path: string,
  value: string | undefined,
  supported: readonly string[],
  whenEmpty: "required" | "unsupported" | "allowed" = "required",
): void {
  const text = value ?? "";
  if (text === "" && whenEmpty === "required") errors.push(required(path));
  else if (text === "" && whenEmpty === "allowed") return;
  else if (!supported.includes(text)) errors.push(notSupported(path, text, supported));
}

export function checkNonNegative(errors: Errors, path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(invalid(path, value, "must be greater than or equal to 0"));
}

export function checkPositive(errors: Errors, path: string, value: number): void {
  if (value <= 0) errors.push(invalid(path, value, "must be greater than zero"));
}

export function checkRange(errors: Errors, path: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && (value < min || value > max)) {
    errors.push(invalid(path, value, `must be between ${min} and ${max}, inclusive`));
  }
}

/** Every sentence of `check` about `value` becomes an error. */
export function checkText(errors: Errors, path: string, value: string, check: NameCheck): void {
  for (const text of check(value)) errors.push(invalid(path, value, text));
}

/** Who is in charge of something: `example.com/controller`. Each part is judged, and shown, by itself. */
export function checkDomainPrefixedPath(errors: Errors, path: string, value: string): void {
  const slash = value.indexOf("/");
  const [host, rest] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)];
  if (host === "" || rest === "") {
    errors.push(invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  checkText(errors, path, host, dns1123Subdomain);
  checkText(errors, path, rest, httpPath);
}

export function checkRequiredText(errors: Errors, path: string, value: string | undefined, check?: NameCheck): void {
  if (value === undefined || value === "") errors.push(required(path));
  else if (check !== undefined) checkText(errors, path, value, check);
}

export function checkPort(errors: Errors, path: string, port: number | undefined): void {
  for (const text of validPort(port ?? 0)) errors.push(invalid(path, port ?? 0, text));
}

/** A port by number or by the name of a container's port. */
export function checkPortOrName(errors: Errors, path: string, port: number | string | undefined): void {
  if (typeof port === "string") checkText(errors, path, port, portName);
  else checkPort(errors, path, port);
}

/** A count or a percentage: neither negative, the text `N%`. */
export function checkIntOrPercent(errors: Errors, path: string, value: number | string | undefined): void {
  if (typeof value === "string") checkText(errors, path, value, percentText);
  else checkNonNegative(errors, path, value);
}

/** At most 100 %. */
export function checkNotMoreThanAll(errors: Errors, path: string, value: number | string | undefined): void {
  if (typeof value === "string" && /^\d+%$/.test(value) && Number(value.slice(0, -1)) > 100) {
    errors.push(invalid(path, value, "must not be greater than 100%"));
  }
}

/** `0`, `"0%"` and absent are nothing; so is text that is no number. */
export function isZeroIntOrPercent(value: number | string | undefined): boolean {
  return typeof value === "string" ? Number(/^(\d+)%?$/.exec(value)?.[1] ?? 0) === 0 : (value ?? 0) === 0;
}

/** @param whenBad the badValue and sentence for the selector as a whole, where kinds report it twice */
export function checkLabelSelector(errors: Errors, path: string, selector: Sparse<LabelSelector> | undefined): void {
  if (selector === undefined) return;
  errors.push(...validateLabels(selector.matchLabels, `${path}.matchLabels`));
  (selector.matchExpressions ?? []).forEach((expression, i) => {
    const field = `${path}.matchExpressions[${i}]`;
    const values = expression.values ?? [];
    const operator = expression.operator ?? "";
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) {
        errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0) {
        errors.push(forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else {
      errors.push(invalid(`${field}.operator`, operator, "not a valid selector operator"));
    }
    checkText(errors, `${field}.key`, expression.key ?? "", labelKey);
    values.forEach((value, j) => checkText(errors, `${field}.values[${j}]`, value, labelValue));
  });
}

/** An error on a field that may not change. */
export function immutable(path: string, value: JsonValue | undefined): FieldError {
  return invalid(path, value, "field is immutable");
}
