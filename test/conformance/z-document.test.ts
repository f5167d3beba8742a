// Writes docs/conformance.md from what the tests beside it left behind; their files come first in the run's order. Run
// alone it uses the outcomes of the last run. What was done before must still be.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { top } from "../support/cluster.ts";
import { conformanceDocument, stateOf, titleCell } from "./document.ts";
import { knownTests, outcomesFolder, type Outcome } from "./known-tests.ts";

const document = join(top, "docs", "conformance.md");

t.test("docs/conformance.md says what the tests found", async (t) => {
  const testFiles = (await readdir(import.meta.dirname)).filter((name) => /^(?!z-).*\.test\.ts$/.test(name));
  const outcomes = new Map<string, Outcome>();
  const missing: string[] = [];
  for (const file of testFiles) {
    const text = await readFile(join(outcomesFolder, file.replace(".test.ts", ".json")), "utf8").catch(() => undefined);
    if (text === undefined) missing.push(file);
    for (const one of JSON.parse(text ?? "[]") as readonly Outcome[]) outcomes.set(`${one.area} ${one.name}`, one);
  }
  if (missing.length > 0) {
    t.pass("the document is written", { skip: `not all have run: ${missing.join(", ")}` });
    return;
  }
  const states = knownTests.map((test) => stateOf(test, outcomes.get(`${test.area} ${test.name}`)));
  const before = await readFile(document, "utf8").catch(() => "");
  const now = conformanceDocument(knownTests, states);
  const lost = knownTests.filter(
    (test, i) => states[i]?.kind !== "done" && before.includes(`| ${titleCell(test)} | done |`),
  );
  t.same(
    lost.map(({ area, name }) => `${area} ${name}`),
    [],
    "nothing that was done is lost",
  );
  if (now !== before) await writeFile(document, now);
  t.comment(`${states.filter(({ kind }) => kind === "done").length} of ${knownTests.length} are done`);
});
