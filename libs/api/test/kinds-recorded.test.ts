// Validation against what a real API server answered: each object with one field removed, emptied or changed.
import t from "tap";
import { recordedMissing } from "./recorded.ts";
import { byGroup, compareMutations } from "./recorded-writes.ts";

/** Objects of all served kinds are recorded; every answer must be ours. */
const objectsRecorded = 63;

/** Steps that are known to differ, and why. */
const allowed: Readonly<Record<string, readonly RegExp[]>> = {
  // The recorded pod has a token volume, which admission adds and this package does not.
  "pod-minimal": [/^spec\.volumes /, /^spec\.containers\.0\.volumeMounts/],
  // An empty list is read as an absent one, which has a default.
  "hpa-v2": [/^spec\.behavior\.scale(?:Down|Up)\.policies(?: set \[\]|\.0 remove)/],
  // The server establishes a definition after its creation; from then on some names can't change.
  "crd-basic": [/^spec\.(?:names\.kind|scope) set /],
};

for (const prefix of ["invalid-create/", "invalid-update/"]) {
  t.test(`${prefix} answers as recorded`, { skip: recordedMissing }, async (t) => {
    let [compared, equal, kinds] = [0, 0, 0];
    for (const [group, list] of byGroup(prefix)) {
      const kind = group.slice(prefix.length);
      const { compared: count, differences } = compareMutations(list);
      compared += count;
      equal += count - differences.length;
      kinds++;
      t.ok(count > 0, `${kind}: exchanges were compared`);
      const unexpected = differences.filter((line) => allowed[kind]?.some((pattern) => pattern.test(line)) !== true);
      t.strictSame(unexpected, [], `${kind}: ${count} answers`);
    }
    t.equal(kinds, objectsRecorded, "every object was there");
    t.comment(`${equal} of ${compared} answers equal`);
  });
}
