// Tolerations of two sources in one list: those that another one covers are left out.
import { type JsonObject, numberAt, semanticEqual, textAt } from "@triarch/api";

/** In the order given; of equal ones the first stays. Cost: O(n²), and pods have few. */
export function mergeTolerations(tolerations: readonly JsonObject[]): readonly JsonObject[] {
  const kept: JsonObject[] = [];
  for (const [at, toleration] of tolerations.entries()) {
    const later = tolerations.slice(at + 1);
    const covered =
      kept.some((other) => covers(other, toleration)) ||
      later.some((other) => covers(other, toleration) && !semanticEqual(other, toleration));
    if (!covered) kept.push(toleration);
  }
  return kept;
}

/** Does `wide` tolerate all that `narrow` does? */
function covers(wide: JsonObject, narrow: JsonObject): boolean {
  if (semanticEqual(wide, narrow)) return true;
  const [key, operator, effect] = [textAt(wide, "key"), textAt(wide, "operator"), textAt(wide, "effect")];
  const everyKey = key === "" && operator === "Exists";
  if (key !== textAt(narrow, "key") && !everyKey) return false;
  if (effect !== "" && effect !== textAt(narrow, "effect")) return false;
  if (effect === "NoExecute" && !lastsAsLong(wide, narrow)) return false;
  if (operator === "Exists") return true;
  return (
    (operator === "Equal" || operator === "") &&
    textAt(narrow, "operator") === "Equal" &&
    textAt(wide, "value") === textAt(narrow, "value")
  );
}

function lastsAsLong(wide: JsonObject, narrow: JsonObject): boolean {
  const [limit, other] = [numberAt(wide, "tolerationSeconds"), numberAt(narrow, "tolerationSeconds")];
  return limit === undefined || (other !== undefined && other <= limit);
}
