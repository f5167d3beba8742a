// Each rule of each kind by itself: the tables in `rules/` say what an object may not be.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { resources } from "@triarch/api";
import { agrees, judge, readTables } from "./rules.ts";

const folder = join(import.meta.dirname, "rules");
const key = (group: string, kind: string): string => (group === "" ? kind : `${group}/${kind}`);
const judged = new Set<string>();
let rows = 0;

for (const file of readdirSync(folder).sort()) {
  t.test(file, (t) => {
    for (const table of readTables(join(folder, file))) {
      const { group, kind } = table.resource;
      judged.add(key(group, kind));
      rows += table.rows.length;
      const wrong = table.rows.flatMap(({ wanted, ...row }) => {
        const found = judge(table, { wanted, ...row });
        return agrees(wanted, found) ? [] : [{ row: row.name, wanted, found }];
      });
      t.strictSame(wrong, [], `${kind}: ${table.rows.length} rows`);
    }
    t.end();
  });
}

t.test("every kind has a table", (t) => {
  // What is only asked, as reviews are, has no rules of this sort.
  const stored = resources.filter(({ verbs }) => verbs.includes("create") && verbs.includes("update"));
  const without = [...new Set(stored.map(({ group, kind }) => key(group, kind)))].filter((one) => !judged.has(one));
  t.comment(`${rows} rows for ${judged.size} kinds`);
  t.strictSame(without, []);
  t.end();
});
