// An object that many clients update would collect an entry for each. Past `updateManagersMax` the oldest are put
// together, per API version, under one name. Appliers are never touched: their entries say what they may remove.
import { type ManagerEntry, type ManagerId, managerId, type Managers } from "./managers.ts";
import { compareText } from "./path-element.ts";
import { union } from "./path-set.ts";

export const updateManagersMax = 10;
const bucketManager = "ancient-changes";

/** `managers` itself while there are not too many. Cost: O(managers log managers). */
export function capUpdateManagers(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === "Update").sort(byAge);
  let surplus = updaters.length - updateManagersMax;
  if (surplus <= 0) return managers;
  const capped = new Map(managers);
  const firstOfVersion = new Map<string, ManagerId>();
  for (const [id, entry] of updaters) {
    if (surplus <= 0) break;
    const first = firstOfVersion.get(entry.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(entry.apiVersion, id);
      continue;
    }
    mergeIntoBucket(capped, first, id, entry);
    surplus -= 1;
  }
  return capped;
}

/** The first of a version becomes the bucket once a second one joins it. */
function mergeIntoBucket(
  managers: Map<ManagerId, ManagerEntry>,
  first: ManagerId,
  id: ManagerId,
  entry: ManagerEntry,
): void {
  const name = {
    manager: bucketManager,
    operation: "Update" as const,
    apiVersion: entry.apiVersion,
    subresource: "",
  };
  const bucket = managerId(name);
  const collected = managers.get(bucket) ?? managers.get(first);
  if (!managers.has(bucket)) managers.delete(first);
  managers.delete(id);
  const fields = collected === undefined ? entry.fields : union(entry.fields, collected.fields);
  managers.set(bucket, { ...name, time: entry.time, fields });
}

function byAge(
  [leftId, left]: readonly [ManagerId, ManagerEntry],
  [rightId, right]: readonly [ManagerId, ManagerEntry],
): number {
  return compareText(left.time ?? "", right.time ?? "") || compareText(leftId, rightId);
}
