// How much of a device's capacity claims may ask for, where several claims share it: certain sizes, or a range in steps.
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  DeviceCapacity,
} from "../generated/types.generated.ts";
import { forbidden, invalid, required } from "../meta/field-error.ts";
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  quantityText,
  quantityValue,
} from "../quantity/quantity.ts";
import type { Errors } from "./basics.ts";
import { checkSet } from "./lists.ts";
import type { Sparse } from "./sparse.ts";

const validValuesMax = 10;

/** @param shared whether several claims may have the device */
export function checkCapacity(errors: Errors, path: string, capacity: Sparse<DeviceCapacity>, shared: boolean): void {
  const { value = "0", requestPolicy: policy } = capacity;
  if (policy === undefined) return;
  const field = `${path}.requestPolicy`;
  if (!shared) {
    errors.push(forbidden(field, "allowMultipleAllocations must be true"));
    return;
  }
  const { validValues = [], validRange } = policy;
  if (validValues.length > 0 && validRange !== undefined) {
    const text = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    errors.push(forbidden(field, text));
  } else if (validValues.length > 0) checkValues(errors, field, policy, parseQuantity(value));
  else if (validRange !== undefined) checkRange(errors, field, policy, parseQuantity(value));
}

function checkValues(errors: Errors, path: string, policy: Sparse<CapacityRequestPolicy>, most: Quantity): void {
  if (policy.default === undefined) {
    errors.push(required(`${path}.default`, "required when validValues is defined"));
    return;
  }
  const field = `${path}.validValues`;
  const usual = parseQuantity(policy.default);
  const values = (policy.validValues ?? []).map(parseQuantity);
  values.forEach((value, i) => {
    const before = values[i - 1];
    if (before === undefined || compareQuantities(before, value) <= 0) return;
    errors.push(invalid(`${field}[${i}]`, quantityText(value), "values must be sorted in ascending order"));
  });
  checkSet(errors, field, values, {
    max: validValuesMax,
    keyOf: (value) => quantityValue(value).toString(),
    check: (value, at) => {
      if (compareQuantities(value, most) <= 0) return;
      errors.push(invalid(at, quantityText(value), `option is larger than capacity value: ${quantityText(most)}`));
    },
  });
  // Of too many values none is looked at, so the usual one is not among them.
  const found = values.length <= validValuesMax && values.some((value) => compareQuantities(value, usual) === 0);
  if (found) return;
  errors.push(invalid(field, quantityText(usual), "default value is not valid according to the requestPolicy"));
}

function checkRange(errors: Errors, path: string, policy: Sparse<CapacityRequestPolicy>, most: Quantity): void {
  if (policy.default === undefined) {
    errors.push(required(`${path}.default`, "required when validRange is defined"));
    return;
  }
  const field = `${path}.validRange`;
  const range: Sparse<CapacityRequestPolicyRange> = policy.validRange ?? {};
  if (range.min === undefined) {
    errors.push(required(`${field}.min`, "required when validRange is defined"));
    return;
  }
  const [usual, min] = [parseQuantity(policy.default), parseQuantity(range.min)];
  const max = range.max === undefined ? undefined : parseQuantity(range.max);
  const refuse = (part: string, shown: Quantity, text: string, bound: Quantity): void => {
    errors.push(invalid(`${field}.${part}`, quantityText(shown), `${text}: ${quantityText(bound)}`));
  };
  if (compareQuantities(min, most) > 0) refuse("min", min, "min is larger than capacity value", most);
  if (compareQuantities(usual, min) < 0) refuse("min", usual, "default is less than min", min);
  if (max !== undefined) {
    if (compareQuantities(min, max) > 0) refuse("max", min, "min is larger than max", max);
    if (compareQuantities(max, most) > 0) refuse("max", max, "max is larger than capacity value", most);
    if (compareQuantities(usual, max) > 0) refuse("max", usual, "default is more than max", max);
  }
  if (range.step === undefined) return;
  const step = parseQuantity(range.step);
  const first = addQuantities(min, step);
  if (compareQuantities(first, most) > 0) {
    refuse("step", step, `one step ${quantityText(first)} is larger than capacity value`, most);
  }
  for (const value of max === undefined ? [usual] : [usual, max]) {
    const size = quantityValue(step);
    if (size !== 0n && (quantityValue(value) - quantityValue(min)) % size === 0n) continue;
    const text = `value is not a multiple of a given step (${quantityText(step)}) from (${quantityText(min)})`;
    errors.push(invalid(`${field}.step`, quantityText(value), text));
  }
}
