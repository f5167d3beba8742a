// Conditions of the common form: type, status, reason and when the status changed last.
import type { Condition } from "../generated/types.generated.ts";
import { duplicate, invalid, notSupported, required, tooLong } from "../meta/field-error.ts";
import { labelKey, regExpText } from "../meta/names.ts";
import { checkText, type Errors } from "./basics.ts";
import type { Sparse } from "./sparse.ts";

const statuses = ["False", "True", "Unknown"];
const reasonLengthMax = 1024;
const messageLengthMax = 32 * 1024;
const reasonPattern = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
const reasonRegExp = new RegExp(`^${reasonPattern}$`);
const reasonText = regExpText(
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
  reasonPattern,
  "my_name",
  "MY_NAME",
  "MyName",
  "ReasonA,ReasonB",
  "ReasonA:ReasonB",
);

export function checkConditions(errors: Errors, path: string, conditions: readonly Sparse<Condition>[]): void {
  const types = conditions.map(({ type = "" }) => type);
  conditions.forEach((condition, i) => {
    const field = `${path}[${i}]`;
    const type = condition.type ?? "";
    if (types.indexOf(type) < i) errors.push(duplicate(`${field}.type`, type));
    checkCondition(errors, field, condition);
  });
}

function checkCondition(errors: Errors, path: string, condition: Sparse<Condition>): void {
  const { type = "", status = "", observedGeneration = 0, lastTransitionTime, reason = "", message = "" } = condition;
  checkText(errors, `${path}.type`, type, labelKey);
  if (!statuses.includes(status)) errors.push(notSupported(`${path}.status`, status, statuses));
  if (observedGeneration < 0) {
    errors.push(invalid(`${path}.observedGeneration`, observedGeneration, "must be greater than or equal to zero"));
  }
  // Absent is written as null.
  if ((lastTransitionTime ?? null) === null) errors.push(required(`${path}.lastTransitionTime`));
  if (reason === "") errors.push(required(`${path}.reason`));
  else {
    if (!reasonRegExp.test(reason)) errors.push(invalid(`${path}.reason`, reason, reasonText));
    if (reason.length > reasonLengthMax) errors.push(tooLong(`${path}.reason`, reasonLengthMax));
  }
  if (message.length > messageLengthMax) errors.push(tooLong(`${path}.message`, messageLengthMax));
}
