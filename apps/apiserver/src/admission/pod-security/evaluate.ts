// The pod security standards: what of a pod a level of a version forbids.
import { baselineChecks } from "./baseline.ts";
import type { Check, Subject, Violation } from "./check.ts";
import type { LevelVersion } from "./namespace-policy.ts";
import { restrictedChecks } from "./restricted.ts";

/** The rules of versions to come are those of this one. */
const latestMinor = 36;
const inOrder: readonly Check[] = [...baselineChecks, ...restrictedChecks];
const chosen = new Map<string, readonly Check[]>();

/** None: the pod may be. Cost: the containers times some 20 checks. */
export function violations(subject: Subject, { level, minor }: LevelVersion): readonly Violation[] {
  if (level === "privileged") return [];
  return checksOf(level, Math.min(minor ?? latestMinor, latestMinor))
    .map(({ judge }) => judge(subject))
    .filter((violation) => violation !== undefined);
}

/** `privileged (container "c" must not set …), host namespaces (hostNetwork=true)` */
export function detailText(found: readonly Violation[]): string {
  return found.map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`)).join(", ");
}

/** `privileged, host namespaces` */
export function reasonText(found: readonly Violation[]): string {
  return found.map(({ reason }) => reason).join(", ");
}

function checksOf(level: Check["level"], minor: number): readonly Check[] {
  const key = `${level} ${minor}`;
  const known = chosen.get(key);
  if (known !== undefined) return known;
  const ofVersion = inOrder.filter(({ since, until = latestMinor }) => since <= minor && minor <= until);
  const asked = level === "restricted" ? ofVersion : ofVersion.filter((check) => check.level === level);
  const replaced = new Set(asked.flatMap(({ replaces }) => replaces ?? []));
  const checks = asked.filter(({ id }) => !replaced.has(id));
  chosen.set(key, checks);
  return checks;
}
