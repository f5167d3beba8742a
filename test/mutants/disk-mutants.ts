/** Bugs in `libs/wal`, `libs/raft-node` and `libs/store-level`: what is on disk, and when it is said to be. */
import type { Mutant } from "./mutant.ts";

const node = "libs/raft-node/src/node";
const walFuzz = { kind: "test", file: "libs/wal/test/fuzz.test.ts" } as const;
const fdatasyncOfBatch = {
  file: "libs/wal/src/wal.ts",
  search: "    await this.#file.fdatasync();\n    this.#offset += bytes.length;",
  replacement: "    this.#offset += bytes.length;",
};

const driver: readonly Mutant[] = [
  {
    name: "skip-the-fsync",
    breaks: "a promise is on disk before it leaves",
    edits: [fdatasyncOfBatch],
    catcher: { kind: "simulation", seeds: 5 },
    expected: ["durablePromises"],
    sample: true,
  },
  {
    name: "acknowledge-before-persist",
    breaks: "a promise is on disk before it leaves",
    edits: [
      {
        file: `${node}/ready-work.ts`,
        search: "    this.#send(ready.messagesBeforePersist, term); // I1",
        replacement: "    this.#send([...ready.messagesBeforePersist, ...ready.messagesAfterPersist], term);",
      },
      {
        file: `${node}/ready-work.ts`,
        search: "    this.#send(ready.messagesAfterPersist, term); // I1\n",
        replacement: "",
      },
    ],
    catcher: { kind: "simulation", seeds: 5 },
    expected: ["durablePromises"],
  },
  {
    name: "send-votes-before-persist",
    breaks: "a vote is on disk before it leaves",
    edits: [
      {
        file: `${node}/ready-work.ts`,
        search: "    this.#send(ready.messagesBeforePersist, term); // I1",
        replacement:
          "    this.#send([...ready.messagesBeforePersist, " +
          '...ready.messagesAfterPersist.filter(({ type }) => type === "MsgVoteResp")], term);',
      },
    ],
    catcher: { kind: "simulation", seeds: 5 },
    expected: ["durablePromises"],
  },
  {
    name: "forget-the-vote",
    breaks: "a vote survives a restart",
    edits: [{ file: "libs/wal/src/bodies.ts", search: "out.u64Big(hardState.vote);", replacement: "out.u64Big(0n);" }],
    catcher: { kind: "simulation", seeds: 5 },
    expected: ["durablePromises"],
  },
  {
    name: "apply-twice-after-restart",
    breaks: "each entry is applied once",
    edits: [
      { file: `${node}/applier.ts`, search: "if (last.index <= this.#skipTo) return;", replacement: "" },
      {
        file: `${node}/applier.ts`,
        search: "entry.data.length === 0 || entry.index <= this.#skipTo;",
        replacement: "entry.data.length === 0;",
      },
    ],
    catcher: { kind: "simulation", seeds: 20 },
    expected: ["stateMachineSafety", "appliedOnce"],
  },
  {
    name: "cut-the-log-past-the-durable-index",
    breaks: "the log keeps what the state machine has only in memory",
    edits: [
      {
        file: `${node}/driver.ts`,
        search:
          "const durableIndex = Math.min(this.#options.stateMachine.durableIndex(), this.#applier.applied.index);",
        replacement: "const durableIndex = this.#applier.applied.index;",
      },
    ],
    catcher: { kind: "simulation", seeds: 20 },
    expected: ["undamagedLogOpens", "memberSurvives", "acknowledgedWrites", "stateMachineSafety"],
  },
];

const log: readonly Mutant[] = [
  {
    name: "repair-a-tear-with-bytes-behind-it",
    breaks: "a tear has nothing but zeros behind it",
    edits: [
      {
        file: "libs/wal/src/tear.ts",
        search: "return end <= batchEnd && usedEnd < end;",
        replacement: "return end <= batchEnd;",
      },
    ],
    catcher: walFuzz,
    expected: ["damaged logs"],
  },
  {
    name: "skip-the-checksum",
    breaks: "what was changed on disk is refused",
    edits: [
      {
        file: "libs/wal/src/record.ts",
        search: "if (found !== view.getUint32(offset + 4, true)) return",
        replacement: "if (found < 0) return",
      },
    ],
    catcher: walFuzz,
    expected: ["damaged logs"],
  },
  {
    name: "pass-over-bytes-after-the-end",
    breaks: "bytes that nobody wrote are refused",
    edits: [
      {
        file: "libs/wal/src/segment-reader.ts",
        search: "if (usedEnd === this.#offset) return;",
        replacement: "if (usedEnd >= this.#offset) return;",
      },
    ],
    catcher: walFuzz,
    expected: ["damaged logs"],
  },
  {
    name: "take-segments-that-do-not-follow",
    breaks: "each segment continues the one before",
    edits: [
      {
        file: "libs/wal/src/replay.ts",
        search: "if (this.#chain !== undefined && this.#chain !== header.chain) {",
        replacement: "if (this.#chain !== undefined && this.#chain < 0) {",
      },
    ],
    catcher: { kind: "test", file: "libs/wal/test/damage.test.ts" },
    expected: ["a batch that vanished from the end of a segment is missed"],
  },
];

const powerLoss: readonly Mutant[] = [
  {
    name: "power-skip-the-fsync",
    breaks: "an acknowledged write survives the loss of power",
    edits: [fdatasyncOfBatch],
    catcher: { kind: "power", rounds: 3 },
    // Its database is synced and ahead of the log then, which the member sees itself.
    expected: ["memberRefused", "acknowledgedWriteLost"],
  },
  {
    name: "power-database-without-sync",
    breaks: "what the log no longer keeps is in the database",
    edits: [
      {
        file: "libs/store-level/src/level-store.ts",
        search: "await this.#database.batch<Uint8Array, Uint8Array>(operations, { sync: true }); // I1",
        replacement: "await this.#database.batch<Uint8Array, Uint8Array>(operations, { sync: false });",
      },
    ],
    catcher: { kind: "power", rounds: 5 },
    // All see that their database is behind their log, and each waits for another member's state.
    expected: ["noProgress", "acknowledgedWriteLost"],
  },
];

export const diskMutants: readonly Mutant[] = [...driver, ...log, ...powerLoss];
