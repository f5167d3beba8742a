// Leases: who leads, and until when others must wait.
import type { Lease } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { invalid } from "../meta/field-error.ts";
import { type MutableObject, objectAt, textAt, typed } from "../meta/mutable.ts";
import { checkNonNegative, type Errors } from "../validation/basics.ts";
import { defineStrategy } from "./generic.ts";
import type { KindStrategy } from "./strategy.ts";

export const leases: KindStrategy = defineStrategy({
  namespaced: true,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  // Who is to be elected is up to the candidates: elections that the server coordinates are switched off.
  prepareCreate: (object) => {
    dropCoordination(objectAt(object, "spec"));
  },
  prepareUpdate: (next, old) => {
    if (textAt(objectAt(old, "spec"), "strategy") === "") dropCoordination(objectAt(next, "spec"));
  },
  validate: (object) => {
    const { spec = {} } = typed<Lease>(object);
    const errors: Errors = [];
    if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
      errors.push(invalid("spec.leaseDurationSeconds", spec.leaseDurationSeconds, "must be greater than 0"));
    }
    checkNonNegative(errors, "spec.leaseTransitions", spec.leaseTransitions);
    if (spec.holderIdentity === "") errors.push(invalid("spec.holderIdentity", "", "must not be empty"));
    return errors;
  },
});

function dropCoordination(spec: JsonObject | undefined): void {
  if (spec === undefined) return;
  for (const field of ["strategy", "preferredHolder"]) delete (spec as MutableObject)[field];
}
