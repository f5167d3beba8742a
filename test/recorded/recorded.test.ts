// Every recorded conversation with kube-apiserver 1.36 against `triarch api`: what differs stands in the list of allowed
// differences with its reason, and what stands there still differs.
import t from "tap";
import { judgeAll } from "./allowed.ts";
import { recordedMissing } from "./conversations.ts";
import { replayAll, tableText } from "./replay-all.ts";

t.setTimeout(500_000);

/** Lines of either list that are shown. */
const shownMax = 40;

t.test("recorded conversations are answered alike", { skip: recordedMissing }, async (t) => {
  const result = await replayAll();
  for (const line of tableText(result)) t.comment(line);
  const { unexpected, gone, countByReason } = judgeAll(result.differences, "");
  for (const [reason, count] of countByReason) t.comment(`${count} allowed: ${reason}`);
  t.same(unexpected.slice(0, shownMax), [], `${unexpected.length} differences that are not listed`);
  t.same(gone.slice(0, shownMax), [], `${gone.length} listed differences that are gone: take them off the list`);
});
