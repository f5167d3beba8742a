import t from "tap";
import { utf8 } from "@triarch/base";
import { defaultLimits } from "../src/limits.ts";
import { ProposalQueue } from "../src/node/proposal-queue.ts";

t.test("what came in an earlier term is given back whole and goes into no log", async (t) => {
  const queue = new ProposalQueue(defaultLimits);
  const all = [utf8("a"), utf8("b"), utf8("c")] as const;
  queue.push(all[0], 3);
  t.same(queue.takeIfOlderThan(3), [], "of this term");
  queue.push(all[1], 4);
  t.same(queue.takeIfOlderThan(4), [all[0], all[1]]);
  t.ok(queue.isEmpty);
  queue.push(all[2], 4);
  t.same(queue.takeIfOlderThan(4), []);
  t.same([...queue.drain()], [[all[2]]]);
  t.same(queue.takeIfOlderThan(9), []);
});

t.test("bounds and portions", async (t) => {
  const limits = { ...defaultLimits, pendingProposalsMax: 3, pendingProposalBytesMax: 100, appendMessageBytesMax: 25 };
  const queue = new ProposalQueue(limits);
  const ten = new Uint8Array(10);
  t.same([queue.push(ten, 1), queue.push(ten, 1), queue.push(ten, 1), queue.push(ten, 1)], [true, true, true, false]);
  t.same(
    [...queue.drain()].map((portion) => portion.length),
    [2, 1],
  );
  t.ok(queue.push(new Uint8Array(500), 1), "one alone may be larger");
  t.notOk(queue.push(ten, 1));
});
