// The checker itself: it accepts the history and finds each way in which a stream can be wrong.
import t from "tap";
import { seededRng } from "@triarch/base";
import { streamDifferences, type SeenChange, type Told } from "./stream-check.ts";

const seed = Number(process.env["SEED"] ?? 11);
const rng = seededRng(seed);

function randomHistory(): readonly SeenChange[] {
  const history: SeenChange[] = [];
  const living = new Set<string>();
  for (let i = 0, revision = 10; i < 60; i += 1) {
    revision += 1 + rng.int(3);
    const name = `n${rng.int(8)}`;
    const deletes = living.has(name) && rng.int(3) === 0;
    if (deletes) living.delete(name);
    else living.add(name);
    history.push({ type: deletes ? "delete" : "put", name, revision, value: deletes ? "" : String(i) });
  }
  return history;
}

const change = (one: SeenChange): Told => ({ kind: "change", change: one });

t.test(`faults of every kind are found (seed ${seed})`, async (t) => {
  for (let run = 0; run < 200; run += 1) {
    const history = randomHistory();
    const end = history.at(-1)?.revision ?? 0;
    const good = history.map(change);
    const check = (told: readonly Told[]): number => streamDifferences(told, history, { start: 10, end }).length;
    if (check(good) !== 0) t.fail(`run ${run}: the history itself`);
    const at = 1 + rng.int(good.length - 2);
    const here = history[at] as SeenChange;
    const faults: Readonly<Record<string, readonly Told[]>> = {
      gap: good.toSpliced(at, 1),
      "gap at the end": good.slice(0, -1),
      duplicate: good.toSpliced(at, 0, good[at] as Told),
      "other order": good.toSpliced(at, 2, good[at + 1] as Told, good[at] as Told),
      "other value": good.with(at, change({ ...here, type: "put", value: "never" })),
      "other revision": good.with(at, change({ ...here, revision: here.revision + 0.5 })),
      "early bookmark": good.toSpliced(at, 0, { kind: "bookmark", revision: here.revision }),
      "list without an object": [...good.slice(0, at), { kind: "list", revision: end, items: [] }],
    };
    for (const [name, told] of Object.entries(faults)) {
      const isHarmless = name === "list without an object" && history.every(({ type }) => type === "delete");
      if (!isHarmless && check(told) === 0) t.fail(`run ${run}: ${name} at ${at} was not found`);
    }
  }
  t.pass("all were found");
});

t.test("bookmarks behind their events and whole lists are no faults", async (t) => {
  const [a, b, c]: readonly SeenChange[] = [
    { type: "put", name: "a", revision: 3, value: "1" },
    { type: "put", name: "b", revision: 5, value: "1" },
    { type: "delete", name: "a", revision: 8, value: "" },
  ];
  const history = [a, b, c] as readonly SeenChange[];
  const items = [{ name: "b", revision: 5, value: "1" }];
  const range = { start: 2, end: 9 };
  t.same(
    streamDifferences(
      [change(history[0] as SeenChange), { kind: "bookmark", revision: 4 }, { kind: "list", revision: 8, items }],
      history,
      range,
    ),
    [],
  );
  t.same(streamDifferences([{ kind: "list", revision: 6, items }], history, range), [
    "the list at 6 has 1 objects, 2 were there, or they differ",
    "8 delete a did not come before the end",
  ]);
});
