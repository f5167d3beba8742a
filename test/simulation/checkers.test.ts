/** Each checker sees the breach of its promise, and nothing in what comes before it. */
import t from "tap";
import { utf8 } from "@triarch/base";
import { emptyConfState } from "@triarch/raft";
import type { ConfState, Entry, MemberId, Message, MessageType } from "@triarch/raft";
import type { RaftNode } from "@triarch/raft-node";
import type { WalReplay } from "@triarch/wal";
import { AcknowledgedWrites } from "./checkers/acknowledged-writes.ts";
import { AgreedLog } from "./checkers/agreed-log.ts";
import { AppliedOnce } from "./checkers/applied-once.ts";
import { CommitQuorum } from "./checkers/commit-quorum.ts";
import { DurablePromises } from "./checkers/durable-promises.ts";
import { ElectionQuorum } from "./checkers/election-quorum.ts";
import { LeaderCompleteness } from "./checkers/leader-completeness.ts";
import { LinearizableReads } from "./checkers/linearizable-reads.ts";
import { LogMatching } from "./checkers/log-matching.ts";
import { MembershipSafety } from "./checkers/membership-safety.ts";
import { OneLeaderPerTerm } from "./checkers/one-leader-per-term.ts";
import { StateMachineSafety } from "./checkers/state-machine-safety.ts";
import { encodeWrite, KvState } from "./cluster/kv-state.ts";
import type { Speaker } from "./cluster/observer.ts";
import { SimProcess } from "./world/process.ts";
import { World } from "./world/world.ts";

const world = new World(1);
const voters: ConfState = { ...emptyConfState, voters: [1n, 2n, 3n] };

function said(type: MessageType, fields: Partial<Message>): Message {
  const none = { to: 0n, from: 0n, term: 0, logTerm: 0, index: 0, entries: [], commit: 0, vote: 0n };
  const rest = { snapshot: undefined, reject: false, rejectHint: 0, context: utf8(""), responses: [] };
  return { ...none, ...rest, type, ...fields };
}

function entry(index: number, term: number, id = `w${index}`): Entry {
  return { index, term, type: "normal", data: encodeWrite({ id, key: "k", value: id }) };
}

function processOf(memberId: MemberId): SimProcess {
  return new SimProcess(world, memberId, 1, () => undefined);
}

function speaker(memberId: MemberId, more: { log?: Partial<WalReplay>; hasUnsyncedLog?: boolean } = {}): Speaker {
  const snapshot = { index: 3, term: 1, confState: voters };
  const log: WalReplay = {
    ...{ metadata: { clusterId: 1n, memberId }, hardState: { term: 1, vote: 0n, commit: 3 }, snapshot },
    ...{ installing: undefined, entries: [], repair: undefined, ...more.log },
  };
  const node = { status: () => ({ confState: voters }) } as unknown as RaftNode;
  return { process: processOf(memberId), node, hasUnsyncedLog: more.hasUnsyncedLog ?? false, readLog: async () => log };
}

/** @returns what was reported, "" for nothing */
function reporter(): { readonly report: (checker: string) => void; readonly found: () => string } {
  const found: string[] = [];
  return { report: (checker) => found.push(checker), found: () => found[0] ?? "" };
}

t.test("oneLeaderPerTerm", async (t) => {
  const { report, found } = reporter();
  const checker = new OneLeaderPerTerm(report);
  checker.onSend(speaker(1n), [said("MsgApp", { from: 1n, term: 2 })]);
  checker.onSend(speaker(2n), [said("MsgHeartbeat", { from: 2n, term: 3 })]);
  t.equal(found(), "");
  checker.onSend(speaker(3n), [said("MsgHeartbeat", { from: 3n, term: 2 })]);
  t.equal(found(), "oneLeaderPerTerm");
});

t.test("electionQuorum: too few votes, and two votes of one", async (t) => {
  const few = reporter();
  const checker = new ElectionQuorum(few.report);
  checker.onSend(speaker(2n), [said("MsgVoteResp", { from: 2n, to: 1n, term: 2 })]);
  checker.onSend(speaker(1n), [said("MsgApp", { from: 1n, term: 2 })]);
  t.equal(few.found(), "");
  checker.onSend(speaker(1n), [said("MsgApp", { from: 1n, term: 3 })]);
  t.equal(few.found(), "electionQuorum");
  const twice = reporter();
  const other = new ElectionQuorum(twice.report);
  other.onSend(speaker(2n), [said("MsgVoteResp", { from: 2n, to: 1n, term: 2 })]);
  other.onSend(speaker(2n), [said("MsgVoteResp", { from: 2n, to: 3n, term: 2, reject: true })]);
  t.equal(twice.found(), "");
  other.onSend(speaker(2n), [said("MsgVoteResp", { from: 2n, to: 3n, term: 2 })]);
  t.equal(twice.found(), "electionQuorum");
});

t.test("logMatching: other data, and another past", async (t) => {
  const data = reporter();
  const checker = new LogMatching(data.report);
  checker.onSend(speaker(1n), [said("MsgApp", { logTerm: 1, entries: [entry(4, 2), entry(5, 2)] })]);
  checker.onSend(speaker(1n), [said("MsgApp", { logTerm: 2, entries: [entry(5, 2)] })]);
  t.equal(data.found(), "");
  checker.onSend(speaker(1n), [said("MsgApp", { logTerm: 2, entries: [entry(5, 2, "other")] })]);
  t.equal(data.found(), "logMatching");
  const past = reporter();
  const other = new LogMatching(past.report);
  other.onSend(speaker(1n), [said("MsgApp", { logTerm: 2, entries: [entry(5, 3)] })]);
  other.onSend(speaker(1n), [said("MsgApp", { logTerm: 1, entries: [entry(5, 3)] })]);
  t.equal(past.found(), "logMatching");
});

t.test("commitQuorum: too few holders, and an earlier term's entry by counting", async (t) => {
  const lead = (commit: number, entries: readonly Entry[] = []): Message =>
    said("MsgApp", { from: 1n, term: 2, commit, entries });
  const few = reporter();
  const checker = new CommitQuorum(few.report);
  checker.onSend(speaker(1n), [lead(3, [entry(5, 2)])]);
  checker.onSend(speaker(2n), [said("MsgAppResp", { from: 2n, term: 2, index: 5 })]);
  checker.onSend(speaker(1n), [lead(5, [entry(6, 2)])]);
  t.equal(few.found(), "");
  checker.onSend(speaker(1n), [lead(6)]);
  t.equal(few.found(), "commitQuorum");
  const old = reporter();
  const other = new CommitQuorum(old.report);
  other.onSend(speaker(1n), [lead(3, [entry(4, 1), entry(5, 2)])]);
  other.onSend(speaker(2n), [said("MsgAppResp", { from: 2n, term: 2, index: 4 })]);
  other.onSend(speaker(1n), [lead(4)]);
  t.equal(old.found(), "commitQuorum");
});

t.test("leaderCompleteness", async (t) => {
  const { report, found } = reporter();
  const agreed = new AgreedLog();
  agreed.onEntryApplied(processOf(1n), new KvState(), entry(4, 1));
  const checker = new LeaderCompleteness(report, agreed);
  const leads = async (term: number, entries: readonly Entry[]): Promise<void> => {
    checker.onSend(speaker(2n, { log: { entries } }), [said("MsgHeartbeat", { from: 2n, term })]);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await leads(2, [entry(4, 1)]);
  t.equal(found(), "");
  await leads(3, []);
  t.equal(found(), "leaderCompleteness");
});

t.test("stateMachineSafety: another history, and the same place twice", async (t) => {
  const history = reporter();
  const agreed = new AgreedLog();
  const checker = new StateMachineSafety(history.report, agreed);
  const apply = (applied: Entry): void => {
    const state = new KvState();
    state.mix(applied);
    checker.onEntryApplied(processOf(1n), state, applied);
    agreed.onEntryApplied(processOf(1n), state, applied);
  };
  apply(entry(4, 1));
  apply(entry(4, 1));
  t.equal(history.found(), "");
  apply(entry(4, 1, "other"));
  t.equal(history.found(), "stateMachineSafety");
  const twice = reporter();
  const state = new KvState();
  state.moveTo(4, 1);
  new StateMachineSafety(twice.report, agreed).onApply(processOf(1n), state, [entry(4, 1)], { index: 4, term: 1 });
  t.equal(twice.found(), "stateMachineSafety");
});

t.test("appliedOnce: at two places, and after it was refused", async (t) => {
  const twice = reporter();
  const checker = new AppliedOnce(twice.report);
  checker.onEntryApplied(processOf(1n), new KvState(), entry(4, 1, "a"));
  checker.onEntryApplied(processOf(2n), new KvState(), entry(4, 1, "a"));
  t.equal(twice.found(), "");
  checker.onEntryApplied(processOf(2n), new KvState(), entry(5, 1, "a"));
  t.equal(twice.found(), "appliedOnce");
  const refused = reporter();
  const other = new AppliedOnce(refused.report);
  other.onWriteRefused("a");
  other.onEntryApplied(processOf(1n), new KvState(), entry(4, 1, "a"));
  t.equal(refused.found(), "appliedOnce");
});

t.test("acknowledgedWrites", async (t) => {
  const { report, found } = reporter();
  const checker = new AcknowledgedWrites(report);
  const state = new KvState();
  state.write({ id: "a", key: "k", value: "a" }, 4);
  checker.onWriteAcknowledged({ id: "a", key: "k", index: 4 });
  checker.onEnd([{ memberId: 1n, state }]);
  t.equal(found(), "");
  checker.onEnd([{ memberId: 2n, state: new KvState() }]);
  t.equal(found(), "acknowledgedWrites");
});

t.test("linearizableReads: an index from before, and a value from before", async (t) => {
  const read = { memberId: 1n, key: "k", index: 5, writtenAt: 4, floors: { applied: 5, written: 4 } };
  const index = reporter();
  new LinearizableReads(index.report).onRead(read);
  t.equal(index.found(), "");
  new LinearizableReads(index.report).onRead({ ...read, index: 4 });
  t.equal(index.found(), "linearizableReads");
  const value = reporter();
  new LinearizableReads(value.report).onRead({ ...read, writtenAt: 3 });
  t.equal(value.found(), "linearizableReads");
});

t.test("membershipSafety: disjoint quorums, no voters, and different views", async (t) => {
  const change = (confState: ConfState, other?: ConfState): string => {
    const { report, found } = reporter();
    const checker = new MembershipSafety(report, { index: 3, confState: voters });
    checker.onConfChanged(processOf(1n), 5, confState);
    checker.onConfChanged(processOf(2n), 5, other ?? confState);
    return found();
  };
  const four = { ...voters, voters: [1n, 2n, 3n, 4n] };
  t.equal(change(four), "");
  t.equal(change({ ...voters, voters: [4n, 5n, 6n], votersOutgoing: [1n, 2n, 3n] }), "", "joint");
  t.equal(change({ ...voters, voters: [3n, 4n, 5n] }), "membershipSafety");
  t.equal(change({ ...voters, voters: [] }), "membershipSafety");
  t.equal(change(four, voters), "membershipSafety");
});

t.test("durablePromises: an acknowledgement before the sync, and a vote that the disk does not have", async (t) => {
  const early = reporter();
  const acknowledgement = [said("MsgAppResp", { from: 1n, to: 2n, term: 2, index: 4 })];
  new DurablePromises(early.report).onSend(speaker(1n), acknowledgement);
  t.equal(early.found(), "");
  new DurablePromises(early.report).onSend(speaker(1n, { hasUnsyncedLog: true }), acknowledgement);
  t.equal(early.found(), "durablePromises");
  const vote = reporter();
  const grant = async (hardState: WalReplay["hardState"]): Promise<string> => {
    const granted = [said("MsgVoteResp", { from: 1n, to: 2n, term: 2 })];
    new DurablePromises(vote.report).onSend(speaker(1n, { log: { hardState } }), granted);
    await new Promise((resolve) => setImmediate(resolve));
    return vote.found();
  };
  t.equal(await grant({ term: 2, vote: 2n, commit: 3 }), "");
  t.equal(await grant({ term: 1, vote: 0n, commit: 3 }), "durablePromises");
});
