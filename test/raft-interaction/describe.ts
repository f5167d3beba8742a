/** The scripts' text form of entries, messages and Readys. */
import { utf8Text } from "@triarch/base";
import { asConfChangeV2, decodeConfChange, emptyHardState, localAppendThread, localApplyThread } from "@triarch/raft";
import type { ConfState, Entry, HardState, MemberId, Message, Ready, Role, Snapshot } from "@triarch/raft";
import { describeChanges } from "./conf-change-text.ts";

export const roleNames: Readonly<Record<Role, string>> = {
  follower: "StateFollower",
  preCandidate: "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};

const entryTypeNames = {
  normal: "EntryNormal",
  confChange: "EntryConfChange",
  confChangeV2: "EntryConfChangeV2",
} as const;

export function describeEntry(entry: Entry): string {
  const head = `${entry.term}/${entry.index} ${entryTypeNames[entry.type]}`;
  if (entry.type === "normal") return `${head} ${JSON.stringify(utf8Text(entry.data))}`;
  const changes = describeChanges(asConfChangeV2(decodeConfChange(entry.type, entry.data)).changes);
  return changes === "" ? head : `${head} ${changes}`;
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join("");
}

function describeTarget(id: MemberId): string {
  if (id === localAppendThread) return "AppendThread";
  if (id === localApplyThread) return "ApplyThread";
  return id === 0n ? "None" : id.toString(16);
}

export function describeConfState(state: ConfState): string {
  const list = (members: readonly MemberId[]): string => `[${members.map(String).join(" ")}]`;
  return (
    `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} Learners:${list(state.learners)} ` +
    `LearnersNext:${list(state.learnersNext)} AutoLeave:${state.autoLeave}`
  );
}

function describeSnapshot(snapshot: Snapshot): string {
  return `Index:${snapshot.index} Term:${snapshot.term} ConfState:${describeConfState(snapshot.confState)}`;
}

export function describeMessage(message: Message, indent = ""): string {
  const { from, to, type, term, logTerm, index, entries, snapshot, responses } = message;
  let text = `${indent}${describeTarget(from)}->${describeTarget(to)} ${type} Term:${term} Log:${logTerm}/${index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== 0n) text += ` Vote:${message.vote.toString()}`;
  if (entries.length === 1) text += ` Entries:[${describeEntry(entries[0] as Entry)}]`;
  else if (entries.length > 1)
    text += ` Entries:[${block(
      entries.map((entry) => `${indent}  ${describeEntry(entry)}`),
      indent,
    )}]`;
  if (snapshot !== undefined && snapshot.index !== 0) text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  if (responses.length > 0)
    text += ` Responses:[${block(
      responses.map((response) => describeMessage(response, `${indent}  `)),
      indent,
    )}]`;
  return text;
}

function block(lines: readonly string[], indent: string): string {
  return `\n${lines.join("\n")}\n${indent}`;
}

export function describeHardState(state: HardState): string {
  return `Term:${state.term}${state.vote === 0n ? "" : ` Vote:${state.vote.toString()}`} Commit:${state.commit}`;
}

export function describeReady(ready: Ready): string {
  const { softState, snapshot } = ready;
  const hardState = ready.hardState ?? emptyHardState;
  let text = "";
  if (softState) text += `Lead:${softState.leader.toString()} State:${roleNames[softState.role]}\n`;
  if (hardState.term !== 0 || hardState.vote !== 0n || hardState.commit !== 0)
    text += `HardState ${describeHardState(hardState)}\n`;
  if (ready.readStates.length > 0) {
    const states = ready.readStates.map((read) => `{${read.index} [${read.requestContext.join(" ")}]}`);
    text += `ReadStates [${states.join(" ")}]\n`;
  }
  if (ready.entriesToPersist.length > 0) text += `Entries:\n${describeEntries(ready.entriesToPersist)}`;
  if (snapshot) text += `Snapshot ${describeSnapshot(snapshot)}\n`;
  if (ready.committedEntries.length > 0) text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  const messages = [...ready.messagesBeforePersist, ...ready.messagesAfterPersist];
  if (messages.length > 0) text += `Messages:\n${messages.map((message) => `${describeMessage(message)}\n`).join("")}`;
  return text === "" ? "<empty Ready>" : `Ready MustSync=${ready.mustSync}:\n${text}`;
}
