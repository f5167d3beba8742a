// A namespace becomes stricter: what its pods, which stay, would be refused for now. As warnings, one for each kind of
// violation, with the first pod's name and the number of the others.
import { isObject, type JsonObject, listAt, objectAt, type PodSpec, textAt, typed } from "@triarch/api";
import { subjectOf } from "./check.ts";
import { reasonText, violations } from "./evaluate.ts";
import { type LevelVersion, levelVersionText } from "./namespace-policy.ts";

/** Pods looked at; of more the warning says so. */
const podsMax = 3_000;

/** @param pods all of the namespace. Cost: O(pods), at most `podsMax` of them are judged. */
export function existingPodWarnings(
  namespace: string,
  enforce: LevelVersion,
  pods: readonly JsonObject[],
): readonly string[] {
  const names = new Map<string, string[]>();
  for (const pod of oneOfEachFirst(pods).slice(0, podsMax)) {
    const reason = reasonText(
      violations(subjectOf(typed<PodSpec>(objectAt(pod, "spec") ?? {}), annotationsOf(pod)), enforce),
    );
    if (reason === "") continue;
    const known = names.get(reason);
    const name = textAt(objectAt(pod, "metadata"), "name");
    if (known === undefined) names.set(reason, [name]);
    else known.push(name);
  }
  const warnings: string[] = [];
  if (pods.length > podsMax) {
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${podsMax} of ${pods.length} existing pods`,
    );
  }
  if (names.size > 0) {
    const level = JSON.stringify(levelVersionText(enforce));
    warnings.push(`existing pods in namespace "${namespace}" violate the new PodSecurity enforce level ${level}`);
  }
  return [...warnings, ...[...names].map(([reason, found]) => `${foundText(found)}: ${reason}`).sort()];
}

/** Pods of one controller are alike, so the others wait behind the first of each. */
function oneOfEachFirst(pods: readonly JsonObject[]): readonly JsonObject[] {
  const seen = new Set<string>();
  const alike: JsonObject[] = [];
  const first = pods.filter((pod) => {
    const owners = listAt(objectAt(pod, "metadata") ?? {}, "ownerReferences").filter(isObject);
    const controller = textAt(
      owners.find((owner) => owner["controller"] === true),
      "uid",
    );
    if (controller === "" || !seen.has(controller)) {
      seen.add(controller);
      return true;
    }
    alike.push(pod);
    return false;
  });
  return [...first, ...alike];
}

function annotationsOf(pod: JsonObject): JsonObject {
  return objectAt(objectAt(pod, "metadata") ?? {}, "annotations") ?? {};
}

/** `a`, `a (and 1 other pod)`, `a (and 2 other pods)`: the first by name. */
function foundText(names: readonly string[]): string {
  const [first = "", ...others] = [...names].sort();
  if (others.length === 0) return first;
  return `${first} (and ${others.length} other ${others.length === 1 ? "pod" : "pods"})`;
}
