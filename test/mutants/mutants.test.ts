// A few planted bugs, of different kinds, are found by the checkers that they name; `mutants.long.ts` plants all.
import { join } from "node:path";
import t from "tap";
import { allMutants } from "./all-mutants.ts";
import { mutantTest } from "./mutant-test.ts";
import { StaleMutant, Workspace } from "./workspace.ts";

const top = join(import.meta.dirname, "..", "..");
t.setTimeout(300_000);

mutantTest(t, { top, mutants: allMutants.filter(({ sample }) => sample === true), clean: false, jobs: 2 });

t.test("a mutant whose text is not there any more is out of date, and changes nothing", async (t) => {
  const workspace = await Workspace.copyOf(top);
  t.teardown(() => workspace.remove());
  const file = "libs/raft/src/quorum/joint.ts";
  const edits = [{ file, search: "a text that nobody wrote", replacement: "" }];
  const mutant = { name: "old", breaks: "", edits, catcher: { kind: "core", seeds: 1 }, expected: [] } as const;
  for (const current of allMutants) {
    await t.resolves(
      workspace.with(current, async () => undefined),
      `${current.name} is up to date`,
    );
  }
  await t.rejects(
    workspace.with(mutant, async () => t.fail("nothing is tried")),
    StaleMutant,
  );
});

t.test("names are unique, and there are enough", async (t) => {
  t.equal(new Set(allMutants.map(({ name }) => name)).size, allMutants.length);
  t.ok(allMutants.length >= 20, `${allMutants.length} mutants`);
  for (const { name, expected } of allMutants) t.not(expected.length, 0, `${name} names its checker`);
});
