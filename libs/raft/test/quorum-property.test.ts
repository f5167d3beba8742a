// Quorum arithmetic against twins that try every set of members. Replay one run with the seed and path that it prints.
import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { assertDefined } from "@triarch/base";
import { emptyConfState } from "../src/index.ts";
import type { ConfState, MemberId } from "../src/index.ts";
import { jointCommitted, jointVote } from "../src/quorum/joint.ts";
import { majorityCommitted, majorityVote, type VoteResult } from "../src/quorum/majority.ts";
import { ProgressTracker } from "../src/tracker/tracker.ts";

type Vote = boolean | undefined;

const runs = { numRuns: 300 };

/** The failure names seed, path and the smallest case that was found. */
function holds<T>(t: { pass(text: string): unknown }, property: fc.IPropertyWithHooks<T>): void {
  fc.assert(property, runs);
  t.pass(`${runs.numRuns} cases`);
}

const acks = fc.array(fc.nat(6), { maxLength: 7 });
const votes = fc.array(fc.constantFrom<Vote>(true, false, undefined), { maxLength: 7 });

function* subsets(count: number): Generator<ReadonlySet<number>> {
  for (let bits = 0; bits < 2 ** count; bits++) {
    yield new Set(Array.from({ length: count }, (_, i) => i).filter((i) => (bits & (1 << i)) !== 0));
  }
}

/** Every majority of `count` voters; for none there is the empty one. */
function majorities(count: number): ReadonlySet<number>[] {
  return [...subsets(count)].filter((set) => set.size * 2 > count || count === 0);
}

/** The highest index of 0 to 6 that all of some majority have; Infinity when that holds of any index. */
function slowCommitted(acked: readonly number[]): number {
  if (acked.length === 0) return Number.POSITIVE_INFINITY;
  const holds = (index: number): boolean =>
    majorities(acked.length).some((set) => [...set].every((i) => (acked[i] as number) >= index));
  return [6, 5, 4, 3, 2, 1, 0].find(holds) ?? 0;
}

function wins(given: readonly Vote[]): boolean {
  return majorities(given.length).some((set) => [...set].every((i) => given[i] === true));
}

/** Won or lost if nobody who has not voted can change it. */
function slowVote(decides: (given: readonly Vote[]) => boolean, given: readonly Vote[]): VoteResult {
  if (decides(given)) return "won";
  return decides(given.map((vote) => vote ?? true)) ? "pending" : "lost";
}

t.test("one majority", async (t) => {
  holds(
    t,
    fc.property(acks, (acked) => {
      strictEqual(majorityCommitted([...acked]), slowCommitted(acked), `acknowledged ${acked.join()}`);
    }),
  );
  holds(
    t,
    fc.property(votes, (given) => strictEqual(majorityVote(given), slowVote(wins, given), given.join())),
  );
});

t.test("two majorities", async (t) => {
  holds(
    t,
    fc.property(acks, acks, (incoming, outgoing) => {
      const expected = Math.min(slowCommitted(incoming), slowCommitted(outgoing));
      strictEqual(jointCommitted([...incoming], [...outgoing]), expected, `${incoming.join()} and ${outgoing.join()}`);
    }),
  );
  holds(
    t,
    fc.property(votes, votes, (incoming, outgoing) => {
      const both = (given: readonly Vote[]): boolean =>
        wins(given.slice(0, incoming.length)) && wins(given.slice(incoming.length));
      const expected = slowVote(both, [...incoming, ...outgoing]);
      strictEqual(jointVote(incoming, outgoing), expected, `${incoming.join()} and ${outgoing.join()}`);
    }),
  );
});

/** Members 1 to 6 in any configuration, also joint; what each has acknowledged, and its vote. */
const members: readonly MemberId[] = [1n, 2n, 3n, 4n, 5n, 6n];
const cluster = fc
  .record({
    roles: fc.array(fc.constantFrom("voter", "incoming", "outgoing", "learner", "next learner", "none"), {
      minLength: members.length,
      maxLength: members.length,
    }),
    acked: fc.array(fc.nat(6), { minLength: members.length, maxLength: members.length }),
    given: fc.array(fc.constantFrom<Vote>(true, false, undefined), {
      minLength: members.length,
      maxLength: members.length,
    }),
    isJoint: fc.boolean(),
  })
  .map(({ roles, acked, given, isJoint }) => {
    const having = (...wanted: readonly string[]): MemberId[] =>
      members.filter((_, i) => wanted.includes(roles[i] as string));
    const confState: ConfState = isJoint
      ? {
          ...emptyConfState,
          voters: having("voter", "incoming"),
          votersOutgoing: having("voter", "outgoing", "next learner"),
          learners: having("learner"),
          learnersNext: having("next learner"),
        }
      : { ...emptyConfState, voters: having("voter", "incoming"), learners: having("learner", "next learner") };
    return { confState, acked, given };
  });

/** Is there a majority of each half, all of whose members are in `set`? */
function slowQuorum({ voters, votersOutgoing }: ConfState, set: ReadonlySet<MemberId>): boolean {
  return [voters, votersOutgoing].every((half) => wins(half.map((id) => set.has(id))));
}

function idsWhere(holds: (i: number) => boolean): ReadonlySet<MemberId> {
  return new Set(members.filter((_, i) => holds(i)));
}

t.test("a tracker asks the voters of its configuration, and nobody else", async (t) => {
  holds(
    t,
    fc.property(cluster, ({ confState, acked, given }) => {
      const tracker = new ProgressTracker({ inflightMsgsMax: 1, inflightBytesMax: 1 });
      tracker.switchTo({ ...emptyConfState, voters: [...members] }, { lastIndex: 6, forgotten: new Set() });
      for (const [i, id] of members.entries()) {
        assertDefined(tracker.progressOf(id), "a voter").match = acked[i] as number;
        if (given[i] !== undefined) tracker.recordVote(id, given[i]);
      }
      // Members that leave keep nothing; those that stay keep what is known of them.
      tracker.switchTo(confState, { lastIndex: 6, forgotten: new Set() });
      const text = JSON.stringify({ ...confState, voters: confState.voters.map(String) }, (_, value: unknown) =>
        typeof value === "bigint" ? value.toString() : value,
      );
      const holds = (index: number): boolean =>
        slowQuorum(
          confState,
          idsWhere((i) => (acked[i] as number) >= index),
        );
      const someone = confState.voters.length + confState.votersOutgoing.length > 0;
      const committed = someone ? [6, 5, 4, 3, 2, 1, 0].find(holds) : Number.POSITIVE_INFINITY;
      strictEqual(tracker.committedIndex(), committed, text);
      strictEqual(tracker.quorumAcked(idsWhere((i) => given[i] === true)), holdsVotes(confState, given), text);
      const decides = (all: readonly Vote[]): boolean => holdsVotes(confState, all);
      strictEqual(tracker.tallyVotes().result, slowVote(decides, given), text);
    }),
  );
});

function holdsVotes(confState: ConfState, given: readonly Vote[]): boolean {
  return slowQuorum(
    confState,
    idsWhere((i) => given[i] === true),
  );
}

t.test("of two votes of one member the first counts", async (t) => {
  const tracker = new ProgressTracker({ inflightMsgsMax: 1, inflightBytesMax: 1 });
  tracker.switchTo({ ...emptyConfState, voters: [1n, 2n, 3n] }, { lastIndex: 1, forgotten: new Set() });
  tracker.recordVote(1n, false);
  tracker.recordVote(1n, true);
  tracker.recordVote(2n, true);
  t.strictSame(tracker.tallyVotes(), { granted: 1, rejected: 1, result: "pending" });
});
