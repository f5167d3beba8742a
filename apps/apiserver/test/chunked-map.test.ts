// The map of the watch cache beside a plain one that is sorted when asked.
import fc from "fast-check";
import t from "tap";
import { ChunkedMap, chunkEntriesMax } from "../src/storage/chunked-map.ts";

t.test("in order, with as much as a plain map holds, whatever is done to it", (t) => {
  const keys = fc.integer({ min: 0, max: 3_000 }).map((n) => `key-${n.toString(36)}`);
  const action = fc.tuple(fc.constantFrom("set", "set", "set", "delete"), keys);
  const check = fc.property(fc.array(action, { minLength: 2_000, maxLength: 4_000 }), (actions) => {
    const map = new ChunkedMap<number>();
    const plain = new Map<string, number>();
    actions.forEach(([what, key], at) => {
      const previous = plain.get(key);
      const returned = what === "set" ? map.set(key, at) : map.delete(key);
      if (returned !== previous) throw new Error(`${what} ${key} gave ${returned ?? "nothing"}`);
      if (what === "set") plain.set(key, at);
      else plain.delete(key);
    });
    const sorted = [...plain].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, value]) => value);
    t.strictSame(map.values(), sorted);
    t.equal(map.size, plain.size);
    return [...plain].every(([key, value]) => map.get(key) === value) && map.get("absent") === undefined;
  });
  fc.assert(check, { numRuns: 30 });
  t.end();
});

for (const order of ["ascending", "descending"] as const) {
  t.test(`filled in ${order} order, then emptied`, (t) => {
    const count = chunkEntriesMax * 5 + 1;
    const names = Array.from({ length: count }, (_, at) => String(at).padStart(6, "0"));
    const map = new ChunkedMap<string>();
    for (const name of order === "ascending" ? names : [...names].reverse()) map.set(name, name);
    t.strictSame(map.values(), names);
    for (const name of names) t.equal(map.delete(name), name);
    t.strictSame([map.size, map.values()], [0, []]);
    map.set("again", "again");
    t.equal(map.get("again"), "again");
    t.end();
  });
}
