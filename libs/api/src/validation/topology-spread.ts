// How evenly the pods of a workload are spread over zones, nodes or other domains.
import type { TopologySpreadConstraint } from "../generated/types.generated.ts";
import { duplicate, invalid, notSupported, required } from "../meta/field-error.ts";
import { checkEnum, checkLabelSelector, checkPositive, type Errors } from "./basics.ts";
import { checkLabelKeys } from "./scheduling.ts";

export function checkTopologySpread(
  errors: Errors,
  path: string,
  constraints: readonly TopologySpreadConstraint[],
): void {
  const pairs = constraints.map(({ topologyKey, whenUnsatisfiable }) => `{${topologyKey}, ${whenUnsatisfiable}}`);
  constraints.forEach((constraint, i) => {
    const field = `${path}[${i}]`;
    const {
      maxSkew = 0,
      topologyKey = "",
      whenUnsatisfiable = "",
      minDomains,
    } = constraint as Partial<TopologySpreadConstraint>;
    checkPositive(errors, `${field}.maxSkew`, maxSkew);
    if (topologyKey === "") errors.push(required(`${field}.topologyKey`, "can not be empty"));
    if (whenUnsatisfiable !== "DoNotSchedule" && whenUnsatisfiable !== "ScheduleAnyway") {
      errors.push(notSupported(`${field}.whenUnsatisfiable`, whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]));
    }
    const pair = pairs[i] ?? "";
    if (pairs.includes(pair, i + 1)) errors.push(duplicate(`${field}.{topologyKey, whenUnsatisfiable}`, pair));
    if (minDomains !== undefined) {
      checkPositive(errors, `${field}.minDomains`, minDomains);
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(invalid(`${field}.minDomains`, minDomains, text));
      }
    }
    for (const policy of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
      if (constraint[policy] !== undefined) {
        checkEnum(errors, `${field}.${policy}`, constraint[policy], ["Honor", "Ignore"], "unsupported");
      }
    }
    const { matchLabelKeys, labelSelector } = constraint;
    checkLabelKeys(errors, field, {
      ...(matchLabelKeys === undefined ? {} : { matchLabelKeys }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    });
    checkLabelSelector(errors, `${field}.labelSelector`, constraint.labelSelector);
  });
}
