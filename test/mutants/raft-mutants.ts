/** Bugs in `libs/raft`. */
import type { Mutant } from "./mutant.ts";

const quorumTest = { kind: "test", file: "libs/raft/test/quorum-property.test.ts" } as const;

const raft = "libs/raft/src/raft";

/** Who may lead. */
const elections: readonly Mutant[] = [
  {
    name: "count-votes-twice",
    breaks: "a vote counts once",
    edits: [
      {
        file: "libs/raft/src/quorum/majority.ts",
        search: "else if (vote) granted += 1;",
        replacement: "else if (vote) granted += 2;",
      },
    ],
    catcher: { kind: "core", seeds: 5 },
    expected: ["oneLeaderPerTerm"],
    sample: true,
  },
  {
    name: "vote-for-everyone",
    breaks: "one vote per term",
    edits: [
      {
        file: `${raft}/election.ts`,
        search: "const free = raft.vote === noMember && raft.leader === noMember;",
        replacement: "const free = raft.leader === noMember;",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["oneLeaderPerTerm"],
  },
  {
    name: "vote-without-looking-at-the-log",
    breaks: "only who has all that is committed is voted for",
    edits: [
      {
        file: `${raft}/election.ts`,
        search: "const granted = canVote && raft.log.isUpToDate({ term: message.logTerm, index: message.index });",
        replacement: "const granted = canVote;",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    // A leader without a committed entry overwrites it: whoever looks first.
    expected: ["leaderCompleteness", "stateMachineSafety", "assertion"],
  },
  {
    name: "count-pre-votes-as-votes",
    breaks: "a pre-vote promises nothing",
    edits: [
      {
        file: `${raft}/candidate.ts`,
        search: "if (message.type === awaitedVoteType(raft.role)) countVote(raft, message);",
        replacement: "countVote(raft, message);",
      },
    ],
    catcher: { kind: "simulation", seeds: 20 },
    expected: ["electionQuorum", "oneLeaderPerTerm"],
  },
  {
    name: "learners-vote",
    breaks: "only voters make a quorum",
    edits: [
      {
        file: "libs/raft/src/tracker/tracker.ts",
        search: "this.#incoming = this.#members.filter((member) => confState.voters.includes(member.id));",
        replacement:
          "this.#incoming = this.#members.filter((member) => confState.voters.includes(member.id) || member.isLearner);",
      },
    ],
    catcher: quorumTest,
    expected: ["a tracker asks the voters of its configuration, and nobody else"],
    sample: true,
  },
  {
    name: "removed-members-vote-on",
    breaks: "who was removed has no vote",
    edits: [
      {
        file: "libs/raft/src/tracker/tracker.ts",
        search: "this.#incoming = this.#members.filter((member) => confState.voters.includes(member.id));",
        replacement:
          "this.#incoming = [...new Set([...this.#incoming, " +
          "...this.#members.filter((member) => confState.voters.includes(member.id))])];",
      },
    ],
    catcher: quorumTest,
    expected: ["a tracker asks the voters of its configuration, and nobody else"],
  },
  {
    name: "joint-quorum-of-the-union",
    breaks: "both halves of a joint configuration commit",
    edits: [
      {
        file: "libs/raft/src/quorum/joint.ts",
        search: "return Math.min(majorityCommitted(ackedIncoming), majorityCommitted(ackedOutgoing));",
        replacement: "return majorityCommitted([...ackedIncoming, ...ackedOutgoing]);",
      },
    ],
    catcher: quorumTest,
    expected: ["two majorities"],
    sample: true,
  },
  {
    name: "joint-vote-of-either-half",
    breaks: "both halves of a joint configuration elect",
    edits: [
      {
        file: "libs/raft/src/quorum/joint.ts",
        search: `return first === "lost" || second === "lost" ? "lost" : "pending";`,
        replacement: `return first === "won" || second === "won" ? "won" : "pending";`,
      },
    ],
    catcher: quorumTest,
    expected: ["two majorities"],
  },
];

/** What is in the log, and what of it counts as committed. */
const replication: readonly Mutant[] = [
  {
    name: "commit-old-terms-by-counting",
    breaks: "only entries of the leader's own term commit by counting",
    edits: [
      {
        file: "libs/raft/src/log/raft-log.ts",
        search: "if (id.index <= this.#committed || id.term === 0 || !this.matches(id)) return false;",
        replacement: "if (id.index <= this.#committed || id.term === 0) return false;",
      },
    ],
    catcher: { kind: "test", file: "libs/raft/test/scenarios.test.ts" },
    expected: ["old-term-is-not-counted.txt"],
  },
  {
    name: "ignore-the-term-of-an-append",
    breaks: "who leads no more is not listened to",
    edits: [
      {
        file: `${raft}/step.ts`,
        search: "} else if (message.term !== 0 && message.term < raft.term) {",
        replacement: `} else if (message.term !== 0 && message.term < raft.term && message.type !== "MsgApp") {`,
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["stateMachineSafety", "leaderCompleteness", "assertion"],
  },
  {
    name: "append-without-looking-at-the-entry-before",
    breaks: "logs match up to a common entry",
    edits: [
      {
        file: "libs/raft/src/log/raft-log.ts",
        search: "if (!this.matches(previous)) return undefined;",
        replacement: "if (previous.index > this.lastIndex()) return undefined;",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["stateMachineSafety", "leaderCompleteness", "assertion"],
  },
  {
    name: "truncate-committed-entries",
    breaks: "what is committed stays",
    edits: [
      {
        file: "libs/raft/src/log/raft-log.ts",
        search: "const firstNew = entries.findIndex((entry) => this.term(entry.index) !== entry.term);",
        replacement: "const firstNew = entries.length > 0 ? 0 : -1;",
      },
      {
        file: "libs/raft/src/log/raft-log.ts",
        search: "first.index > this.#committed,",
        replacement: "first.index > 0,",
      },
      {
        file: `${raft}/follower.ts`,
        search: "if (message.index < log.committed) {",
        replacement: "if (message.index + 1 < log.firstIndex()) {",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["stateMachineSafety", "leaderCompleteness", "assertion"],
  },
  {
    name: "heartbeat-commits-what-was-not-matched",
    breaks: "a follower commits only what it is known to share",
    edits: [
      {
        file: `${raft}/replication.ts`,
        search: "const commit = Math.min(member.match, raft.log.committed);",
        replacement: "const commit = raft.log.committed;",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["stateMachineSafety", "assertion"],
  },
  {
    name: "count-the-own-disk-before-it-has-it",
    breaks: "the leader's own copy counts when it is synced",
    edits: [
      {
        file: `${raft}/proposals.ts`,
        search: `raft.send("MsgAppResp", raft.id, { index: lastIndex });`,
        replacement: `raft.tracker.progressOf(raft.id)?.acknowledge(lastIndex);`,
      },
    ],
    // The driver looks at answers only after its own write; with asynchronous writes nothing else protects.
    catcher: { kind: "core", seeds: 40 },
    expected: ["leaderCompleteness", "stateMachineSafety", "assertion"],
  },
  {
    name: "accept-a-stale-snapshot",
    breaks: "a snapshot never takes back what is committed",
    edits: [
      {
        file: `${raft}/membership.ts`,
        search: "if (snapshot.index <= log.committed) return false;",
        replacement: "if (snapshot.index === 0) return false;",
      },
      {
        file: `${raft}/membership.ts`,
        search: "if (log.matches(snapshot)) {",
        replacement: "if (snapshot.index === 0) {",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["stateMachineSafety", "leaderCompleteness", "assertion"],
  },
];

/** Linearizable reads. */
const reads: readonly Mutant[] = [
  {
    name: "read-without-a-heartbeat-round",
    breaks: "who answers a read still leads",
    edits: [
      {
        file: `${raft}/read-index.ts`,
        search: `if (raft.config.readOnlyOption === "leaseBased" || isVouchedFor(raft, message)) {`,
        replacement: `if (raft.config.readOnlyOption.length > 0) {`,
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["linearizableReads"],
    sample: true,
  },
  {
    name: "any-reader-vouches-for-its-leader",
    breaks: "a reader and the leader must be a quorum before its request alone is answered",
    edits: [
      {
        file: `${raft}/read-index.ts`,
        search: "return term !== 0 && raft.tracker.quorumAcked(new Set([raft.id, from]));",
        replacement: "return term !== 0 && from !== raft.id;",
      },
    ],
    // As below: of three they always are one.
    catcher: { kind: "test", file: "libs/raft/test/vouched-reads.test.ts" },
    expected: ["of five members two are no quorum"],
  },
  {
    name: "read-before-the-first-commit-of-the-term",
    breaks: "a new leader knows what is committed before it answers reads",
    edits: [
      {
        file: `${raft}/read-index.ts`,
        search: "} else if (raft.committedInOwnTerm) {",
        replacement: "} else if (raft.term > 0) {",
      },
    ],
    catcher: { kind: "core", seeds: 40 },
    expected: ["linearizableReads"],
  },
  {
    name: "one-answer-confirms-a-read",
    breaks: "a quorum says that a leader still leads before it answers a read",
    edits: [
      {
        file: `${raft}/read-index.ts`,
        search: "if (acked === undefined || !raft.tracker.quorumAcked(acked)) return;",
        replacement: "if (acked === undefined) return;",
      },
    ],
    // Of three members one answer and the leader are a quorum: it takes five to see the difference.
    catcher: { kind: "test", file: "libs/raft/test/one-at-a-time.test.ts" },
    expected: ["of five members one answer does not confirm a read, two do"],
  },
];

/** Changes of membership. */
const membership: readonly Mutant[] = [
  {
    name: "two-membership-changes-at-once",
    breaks: "a change waits until the one before is applied",
    edits: [
      {
        file: `${raft}/proposals.ts`,
        search: "if (raft.pendingConfIndex > raft.log.applied) {",
        replacement: "if (raft.pendingConfIndex > raft.log.lastIndex()) {",
      },
    ],
    catcher: { kind: "test", file: "libs/raft/test/one-at-a-time.test.ts" },
    expected: ["a change of membership waits until the one before is applied"],
  },
];

export const raftMutants: readonly Mutant[] = [...elections, ...replication, ...reads, ...membership];
