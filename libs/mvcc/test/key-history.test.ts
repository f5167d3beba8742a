// One key's history against a plain list of its changes, and what a key costs in memory.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import t from "tap";
import { KeyHistory, type KeyVersion } from "../src/key-history.ts";
import { KeyIndex } from "../src/key-index.ts";

interface Change extends KeyVersion {
  readonly tombstone: boolean;
}

const change = fc.record({ kind: fc.constantFrom("put", "put", "put", "delete"), sameMain: fc.boolean() });
const step = fc.oneof(
  { weight: 8, arbitrary: change },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("compact"), back: fc.nat(4) }) },
);

t.test("a history answers as a list of its changes does, with compactions and rebuilt from rows", (t) => {
  let looked = 0;
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const history = new KeyHistory("k");
    let changes: Change[] = [];
    let compacted = 0;
    let main = 1;
    let sub = 0;
    let gone = true;
    for (const one of steps) {
      if ("back" in one) {
        compacted = Math.max(compacted, main - one.back);
        const dropped: number[] = [];
        gone = history.compact(compacted, (droppedMain, droppedSub) => dropped.push(droppedMain, droppedSub));
        const kept = keptAfter(changes, compacted);
        const lost = changes.filter((each) => !kept.includes(each));
        if (dropped.join() !== lost.flatMap((each) => [each.main, each.sub]).join())
          throw new Error(`dropped: ${dropped.join()}`);
        if (gone !== (kept.length === 0)) throw new Error(`gone: ${gone}`);
        changes = kept;
        if (gone) break; // the index forgets the key
        continue;
      }
      const last = changes.at(-1);
      const alive = last !== undefined && !last.tombstone;
      if (one.kind === "delete" && !alive) continue;
      [main, sub] = one.sameMain && last !== undefined ? [main, sub + 1] : [main + 1, 0];
      const made = alive ? { created: last.created, version: last.version + 1 } : { created: main, version: 1 };
      changes.push({ main, sub, ...made, tombstone: one.kind === "delete" });
      if (one.kind === "delete") history.tombstone(main, sub);
      else history.put(main, sub);
    }
    const rebuilt = new KeyHistory("k");
    for (const each of changes) rebuilt.restore(each);
    for (let at = Math.max(compacted, 1); at <= main + 1; at++) {
      const newest = changes.findLast((each) => each.main <= at);
      const expected = newest === undefined || newest.tombstone ? undefined : versionOf(newest);
      for (const each of [history, rebuilt]) {
        looked += 1;
        if (JSON.stringify(each.find(at)) !== JSON.stringify(expected)) throw new Error(`at ${at}`);
        if (each.existsAt(at) !== (expected !== undefined)) throw new Error(`exists at ${at}`);
        const seen: number[] = [];
        each.visit(at, main, (visitedMain, visitedSub, tombstone) => seen.push(visitedMain, visitedSub, +tombstone));
        const later = changes.filter((one) => one.main >= at).flatMap((one) => [one.main, one.sub, +one.tombstone]);
        if (seen.join() !== later.join()) throw new Error(`visit from ${at}: ${seen.join()}`);
      }
    }
  });
  fc.assert(property, { numRuns: 2_000 }); // prints the seed of a failure
  t.ok(looked > 10_000, `${looked} reads compared`);
  t.end();
});

/**
 * Generations that a tombstone ended before `compacted` go; of the first that is left the newest change at or before
 * `compacted` and all later ones stay.
 */
function keptAfter(changes: readonly Change[], compacted: number): Change[] {
  let begin = 0;
  for (const [i, { tombstone, main }] of changes.entries()) if (tombstone && main < compacted) begin = i + 1;
  const end = changes.findIndex(({ tombstone }, i) => i >= begin && tombstone);
  const first = changes.slice(begin, end < 0 ? undefined : end + 1);
  const newest = first.findLastIndex(({ main }) => main <= compacted);
  return changes.slice(begin + Math.max(0, newest));
}

function versionOf({ main, sub, created, version }: Change): KeyVersion {
  return { main, sub, created, version };
}

t.test("a key with one revision takes at most 250 bytes of the index", (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const count = 100_000;
  collect();
  const before = process.memoryUsage().heapUsed;
  const index = new KeyIndex();
  for (let i = 0; i < count; i++) {
    const row = { main: i + 2, sub: 0, created: i + 2, version: 1, tombstone: false };
    index.getOrCreate(`/registry/configmaps/default/object-${String(i).padStart(8, "0")}`).restore(row);
  }
  collect();
  const each = (process.memoryUsage().heapUsed - before) / count;
  t.ok(each < 250, `${each.toFixed(0)} bytes per key`);
  t.equal(index.size, count);
  t.end();
});
