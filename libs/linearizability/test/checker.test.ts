import t from "tap";
import { seededRng } from "@triarch/base";
import { checkHistory, checkKeys, checkRevisions, keyModel, overlapOf, type KeyOperation } from "../src/index.ts";
import { bruteForce } from "./brute-force.ts";
import { damaged, randomHistory } from "./histories.ts";

const seed = Number(process.env["SEED"] ?? 20261121);

t.test("agrees with the brute-force twin on small histories, right and damaged", async (t) => {
  const rng = seededRng(seed);
  let accepted = 0;
  let refused = 0;
  for (let i = 0; i < 3_000; i++) {
    const shape = { operations: 2 + rng.int(6), clients: 1 + rng.int(3), unknownPercent: rng.int(2) * 30 };
    const right = randomHistory(rng, shape);
    const history = rng.int(3) === 0 ? right : damaged(rng, right);
    const expected = bruteForce(keyModel, history);
    const { kind } = checkKeys(history);
    if (expected) accepted += 1;
    else refused += 1;
    if (kind !== (expected ? "linearizable" : "violation")) {
      t.fail(`seed ${seed}, history ${i}: ${kind}, but the twin says ${expected}\n${JSON.stringify(history, null, 1)}`);
      return;
    }
  }
  t.ok(accepted > 500 && refused > 500, `${accepted} accepted, ${refused} refused, seed ${seed}`);
});

t.test("right histories of many operations are accepted, also with many unknown outcomes", async (t) => {
  const rng = seededRng(seed);
  for (let i = 0; i < 12; i++) {
    const history = randomHistory(rng, { operations: 600, clients: 8, unknownPercent: (i % 3) * 5 });
    t.equal(checkKeys(history).kind, "linearizable", `seed ${seed}, history ${i}`);
  }
});

const at = (
  calledAt: number,
  returnedAt: number,
): Pick<KeyOperation, "key" | "client" | "calledAt" | "returnedAt"> => ({
  ...{ key: "k", client: 0, calledAt, returnedAt },
});
const put = (value: string, revision: number | undefined, from: number, to: number): KeyOperation => ({
  ...at(from, to),
  input: { kind: "put", value },
  output: revision === undefined ? undefined : { kind: "written", revision },
});
const get = (
  value: string | undefined,
  modRevision: number,
  version: number,
  from: number,
  to: number,
): KeyOperation => ({
  ...at(from, to),
  input: { kind: "get" },
  output: { kind: "got", found: value === undefined ? undefined : { value, modRevision, version } },
});
const swap = (
  expectedRevision: number,
  value: string,
  revision: number | undefined,
  from: number,
  to: number,
): KeyOperation => ({
  ...at(from, to),
  input: { kind: "compareAndPut", expectedRevision, value },
  output: revision === undefined ? { kind: "conflict" } : { kind: "written", revision },
});

t.test("planted faults are found, their harmless likes are not", async (t) => {
  const verdict = (...history: KeyOperation[]): string => checkKeys(history).kind;
  t.equal(verdict(put("a", 2, 0, 1), put("b", 3, 2, 3), get("a", 2, 1, 4, 5)), "violation", "a stale read");
  t.equal(
    verdict(put("a", 2, 0, 1), put("b", 3, 2, 5), get("a", 2, 1, 4, 6)),
    "linearizable",
    "a read during the write",
  );
  t.equal(verdict(put("a", 2, 0, 1), get(undefined, 0, 0, 2, 3)), "violation", "a lost write");
  t.equal(
    verdict(put("a", undefined, 0, 1), get(undefined, 0, 0, 2, 3)),
    "linearizable",
    "a write that may not have been",
  );
  t.equal(
    verdict(put("a", undefined, 0, 1), get(undefined, 0, 0, 2, 3), get("a", 5, 1, 4, 5)),
    "linearizable",
    "one that took effect long after its client gave up",
  );
  t.equal(verdict(put("a", 2, 0, 1), get("a", 3, 2, 2, 3)), "violation", "a write that was applied twice");
  t.equal(
    verdict(put("a", undefined, 0, 1), get("a", 2, 1, 2, 3), put("b", 3, 4, 5), get("a", 4, 3, 6, 7)),
    "violation",
    "an unknown write that was applied twice",
  );
  t.equal(
    verdict(put("a", 2, 0, 1), swap(2, "b", 3, 2, 4), swap(2, "c", 4, 3, 5)),
    "violation",
    "two winners of one revision",
  );
  t.equal(verdict(put("a", 2, 0, 1), swap(2, "b", undefined, 2, 3)), "violation", "a conflict with nobody");
  t.equal(
    verdict(put("a", 2, 0, 1), get("a", 2, 1, 2, 3), get(undefined, 0, 0, 4, 5)),
    "violation",
    "a read that went back",
  );
  t.equal(verdict(put("a", 3, 0, 1), put("b", 2, 2, 3)), "violation", "revisions that fall");
});

t.test("a violation names what was done and what cannot come next", async (t) => {
  const history = [put("a", 2, 0, 1), put("b", 3, 2, 3), get("a", 2, 1, 4, 5)];
  const verdict = checkHistory(keyModel, history);
  t.match(verdict, { kind: "violation", done: history.slice(0, 2), stuck: history.slice(2) });
});

t.test("gives up past its bound and says so", async (t) => {
  // Twenty writes at once that nobody saw the revision of, then a read of what none of them wrote.
  const history = [...Array.from({ length: 20 }, (_, i) => put(`v${i}`, undefined, 0, 1)), get("other", 2, 9, 2, 3)];
  t.match(checkHistory(keyModel, history, 500), { kind: "undecided", configurations: 500 });
});

t.test("keys are judged one by one, the worst verdict counts", async (t) => {
  const other = { ...get("x", 2, 1, 0, 1), key: "other" };
  const { kind, keys } = checkKeys([put("a", 2, 0, 1), other]);
  t.equal(kind, "violation");
  t.equal(keys.get("k")?.kind, "linearizable");
  t.equal(keys.get("other")?.kind, "violation");
});

t.test("revisions over all keys", async (t) => {
  const other = (operation: KeyOperation): KeyOperation => ({ ...operation, key: "other" });
  t.same(
    checkRevisions([put("a", 2, 0, 1), other(put("b", 3, 2, 3)), put("c", 5, 2, 6), other(put("d", 4, 4, 5))]),
    [],
  );
  t.match(checkRevisions([put("a", 2, 0, 1), other(put("b", 2, 0, 1))]), [/two writes were told revision 2/]);
  t.match(checkRevisions([put("a", 3, 0, 1), other(put("b", 2, 2, 3))]), [/revision 2 was given/]);
});

t.test("overlap", async (t) => {
  t.equal(overlapOf([]), 0);
  t.equal(overlapOf([put("a", 2, 0, 1), put("b", 3, 2, 3)]), 0);
  t.equal(overlapOf([put("a", 2, 0, 5), put("b", 3, 2, 3), put("c", 4, 6, 7), put("d", 5, 8, 9)]), 0.5);
  t.equal(overlapOf([put("a", undefined, 0, 1), put("b", 3, 2, 3)]), 1, "an open one lasts to the end");
});
