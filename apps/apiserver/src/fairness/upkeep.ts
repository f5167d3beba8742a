// Which of the built-in flow schemas and priority levels have to be brought back to what they should say.
//
// Mandatory ones (exempt, catch-all) always: the server could not do without them. Suggested ones while they say that the
// server may (annotation "true"); one without the annotation counts as ours until somebody changed it.
import {
  childOf,
  deepCopy,
  deepEqual,
  type JsonObject,
  type MutableObject,
  numberAt,
  objectAt,
  textAt,
} from "@triarch/api";
import { exemptName } from "@triarch/flow-control";
import { mandatoryNames } from "./built-in-configuration.ts";

const autoUpdateAnnotation = "apf.kubernetes.io/autoupdate-spec";

export interface UpkeepPlan {
  readonly isMissing: boolean;
  /** Names of those that `corrected` changes. */
  readonly drifted: readonly string[];
}

/** @param builtIn as they should be, with defaults */
export function planUpkeep(builtIn: readonly JsonObject[], stored: readonly JsonObject[]): UpkeepPlan {
  const byName = new Map(stored.map((object) => [nameOf(object), object]));
  return {
    isMissing: builtIn.some((object) => !byName.has(nameOf(object))),
    drifted: builtIn.flatMap((object) => {
      const name = nameOf(object);
      const found = byName.get(name);
      return found === undefined || deepEqual(corrected(object, found), found) ? [] : [name];
    }),
  };
}

/** The stored object as it should be. */
export function corrected(builtIn: JsonObject, stored: JsonObject): MutableObject {
  const next = deepCopy(stored);
  const isKept = mandatoryNames.has(nameOf(builtIn)) || isOurs(stored);
  const annotations = childOf(childOf(next, "metadata"), "annotations");
  annotations[autoUpdateAnnotation] = String(isKept);
  if (isKept) next["spec"] = deepCopy(specFor(builtIn, stored));
  return next;
}

function isOurs(stored: JsonObject): boolean {
  const metadata = objectAt(stored, "metadata") ?? {};
  const said = textAt(objectAt(metadata, "annotations"), autoUpdateAnnotation);
  if (said === "true" || said === "false") return said === "true";
  return numberAt(metadata, "generation") === 1;
}

/** How much of the server exempt requests count for is everybody's own to say. */
function specFor(builtIn: JsonObject, stored: JsonObject): JsonObject {
  const spec = objectAt(builtIn, "spec") ?? {};
  const exempt = objectAt(objectAt(stored, "spec") ?? {}, "exempt");
  const hasOwn = nameOf(builtIn) === exemptName && spec["type"] === "Exempt" && exempt !== undefined;
  return hasOwn ? { ...spec, exempt } : spec;
}

function nameOf(object: JsonObject): string {
  return textAt(objectAt(object, "metadata"), "name");
}
