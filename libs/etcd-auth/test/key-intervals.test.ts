import t from "tap";
import { seededRng, type Rng } from "@triarch/base";
import { KeyIntervals, type KeyInterval } from "../src/key-intervals.ts";

t.test("intervals that overlap or touch become one", async (t) => {
  const merged = (...intervals: readonly KeyInterval[]) => new KeyIntervals(intervals).merged;
  const of = (start: string, end?: string): KeyInterval => ({ start, end });
  t.strictSame(merged(of("c", "d"), of("a", "b")), [of("a", "b"), of("c", "d")]);
  t.strictSame(merged(of("b", "c"), of("a", "b")), [of("a", "c")]);
  t.strictSame(merged(of("a", "m"), of("b", "c")), [of("a", "m")]);
  t.strictSame(merged(of("a"), of("b", "c")), [of("a")]);
  t.strictSame(merged(of("b", "c"), of("a"), of("x")), [of("a")]);
  t.strictSame(merged(of("m", "a"), of("m", "m")), [], "neither holds a key");
});

t.test("an empty range lies in an interval when its start does", async (t) => {
  const set = new KeyIntervals([{ start: "a", end: "z" }]);
  for (const [start, end, expected] of [
    ["m", "m", true],
    ["m", "c", true],
    ["a", "a", true],
    ["m", "a", true],
    ["z", "z", false],
  ] as const) {
    t.equal(set.hasRange({ start, end }), expected, `[${start}, ${end})`);
  }
});

t.test("twin: membership key by key", async (t) => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.comment(`SEED=${seed}`);
  const rng = seededRng(seed);
  // The keys that there are, and one more beyond all intervals with an end, for those without.
  const keys = [..."abcdefgh"].flatMap((letter) => [letter, `${letter}\0`, `${letter}m`]).sort();
  const isIn = (key: string, { start, end }: KeyInterval): boolean => start <= key && (end === undefined || key < end);
  for (let round = 0; round < 500; round++) {
    const intervals = Array.from({ length: rng.int(5) }, () => anyInterval(rng, keys));
    const set = new KeyIntervals(intervals);
    for (const key of keys) {
      t.ok(set.hasKey(key) === intervals.some((one) => isIn(key, one)) || fail(intervals, key));
    }
    const range = anyInterval(rng, keys);
    const inside = [...keys, "zz"].filter((key) => isIn(key, range));
    if (inside.length === 0) continue;
    const expected = inside.every((key) => intervals.some((one) => isIn(key, one)));
    t.ok(set.hasRange(range) === expected || fail(intervals, JSON.stringify(range)));
  }
  function fail(intervals: readonly KeyInterval[], what: string): false {
    t.comment(`${JSON.stringify(intervals)} and ${what}`);
    return false;
  }
});

/** Ends lie among the keys: between two neighbours there is nothing that a request could ask for and the twin not see. */
function anyInterval(rng: Rng, keys: readonly string[]): KeyInterval {
  const pick = (): string => keys[rng.int(keys.length)] ?? "a";
  return { start: pick(), end: rng.int(6) === 0 ? undefined : pick() };
}
