// Replays recorded conversations against `triarch api` and says where the answers differ.
//   node test/recorded/main.ts [--group PREFIX] [--show N] [--write]
import { parseArgs } from "node:util";
import { differenceName, judgeAll, writeAllowed } from "./allowed.ts";
import { recordedMissing } from "./conversations.ts";
import { replayAll, tableText } from "./replay-all.ts";

const { values: flags } = parseArgs({
  options: {
    group: { type: "string", default: "" },
    show: { type: "string", default: "20" },
    write: { type: "boolean", default: false },
  },
});
if (recordedMissing !== false) throw new Error(recordedMissing);
if (flags.write && flags.group !== "") throw new Error("the list is written from a replay of all groups");
const result = await replayAll(flags.group);
for (const difference of result.differences.slice(0, Number(flags.show))) {
  console.log(`${differenceName(difference)}: ${difference.detail}`);
}
for (const line of tableText(result)) console.log(line);
if (flags.write) await writeAllowed(result.differences);
else {
  const { unexpected, gone } = judgeAll(result.differences, flags.group);
  console.log(`${unexpected.length} differences are not listed, ${gone.length} listed ones are gone`);
  process.exitCode = unexpected.length + gone.length === 0 ? 0 : 1;
}
