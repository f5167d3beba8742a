import t from "tap";
import { compareHashes, type MemberHash } from "../src/server/hash-comparison.ts";

const of = (...hashes: readonly number[]): MemberHash[] =>
  hashes.map((hash, i) => ({ memberId: BigInt(i + 1), hash, compactRevision: 7 }));

t.test("who differs from a quorum is named; without a quorum nobody is", (t) => {
  t.strictSame(compareHashes(of(1, 1, 1), 3), { kind: "alike" });
  t.strictSame(compareHashes(of(1, 1), 3), { kind: "alike" }, "one does not answer");
  t.strictSame(compareHashes(of(1, 2, 1), 3), { kind: "minority", memberIds: [2n] });
  t.strictSame(compareHashes(of(2, 1, 1), 3), { kind: "minority", memberIds: [1n] }, "also the leader");
  t.strictSame(compareHashes(of(1, 2, 1, 3, 1), 5), { kind: "minority", memberIds: [2n, 4n] });
  t.strictSame(compareHashes(of(1, 2), 3), { kind: "tie" });
  t.strictSame(compareHashes(of(1, 2, 3), 3), { kind: "tie" });
  t.strictSame(compareHashes(of(1, 1, 2, 2), 4), { kind: "tie" });
  t.strictSame(compareHashes(of(1, 1, 2), 5), { kind: "tie" }, "two of five are no quorum");
  t.end();
});

t.test("nothing is said of too few answers, or of hashes that count from different revisions", (t) => {
  t.strictSame(compareHashes([], 3), { kind: "incomparable" });
  t.strictSame(compareHashes(of(1), 3), { kind: "incomparable" });
  const [first, second] = of(1, 2);
  t.ok(first !== undefined && second !== undefined);
  const further = { memberId: 2n, hash: 2, compactRevision: 8 };
  t.strictSame(compareHashes(first === undefined ? [] : [first, further], 3), { kind: "incomparable" });
  t.end();
});
