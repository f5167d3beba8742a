/** Gathers what the driver must do, in both ways of writing: confirmed by `advance()`, or by storage messages. */
import { localAppendThread, localApplyThread, makeMessage } from "./messages.ts";
import type { Raft } from "./raft/raft.ts";
import type { Entry, HardState, Message, Ready, SoftState } from "./types.ts";

const noMessages: readonly Message[] = [];

interface Changes {
  readonly softState: SoftState | undefined;
  readonly hardState: HardState | undefined;
  /** Term or vote are others than at the last `Ready`. */
  readonly voteChanged: boolean;
}

/** Reads Raft, changes nothing. */
export function collectReady(raft: Raft, changes: Changes): Ready {
  const async = raft.config.asyncStorageWrites;
  const entriesToPersist = raft.log.unstable.nextEntries();
  const committedEntries = raft.log.nextCommittedEntries(!async);
  const snapshot = raft.log.unstable.nextSnapshot();
  const { softState, hardState } = changes;
  const work = { entries: entriesToPersist, hardState, snapshot };
  return {
    softState,
    hardState,
    readStates: raft.readStates,
    entriesToPersist,
    snapshot,
    committedEntries,
    messagesBeforePersist: async ? [...raft.messages, ...storageMessages(raft, work, committedEntries)] : raft.messages,
    messagesAfterPersist: async ? noMessages : raft.messagesAfterAppend.filter((message) => message.to !== raft.id),
    mustSync: entriesToPersist.length > 0 || changes.voteChanged,
  };
}

/** What `advance()` tells Raft: its promises to itself, what is on disk, what is applied. */
export function stepsAfterReady(raft: Raft, ready: Ready): Message[] {
  const steps = raft.messagesAfterAppend.filter((message) => message.to === raft.id);
  const appended = appendResponse(raft, ready.snapshot);
  if (appended) steps.push(appended);
  if (ready.committedEntries.length > 0) steps.push(applyResponse(raft, ready.committedEntries));
  return steps;
}

interface AppendWork {
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly snapshot: Ready["snapshot"];
}

function storageMessages(raft: Raft, work: AppendWork, committed: readonly Entry[]): Message[] {
  const messages: Message[] = [];
  const { entries, hardState, snapshot } = work;
  if (entries.length > 0 || hardState || snapshot || raft.messagesAfterAppend.length > 0) {
    const done = appendResponse(raft, snapshot);
    messages.push(
      makeMessage("MsgStorageAppend", {
        ...hardState,
        to: localAppendThread,
        from: raft.id,
        entries,
        snapshot,
        // Once this is on disk, and with it all that was queued before.
        responses: done ? [...raft.messagesAfterAppend, done] : raft.messagesAfterAppend,
      }),
    );
  }
  if (committed.length > 0) {
    const responses = [applyResponse(raft, committed)];
    messages.push(
      makeMessage("MsgStorageApply", { to: localApplyThread, from: raft.id, entries: committed, responses }),
    );
  }
  return messages;
}

/**
 * Says that the log is on disk up to its present end. Sent also when nothing new is written but earlier writes are
 * under way: an acknowledgement that another term overtook is void, and this one then takes its place. It carries the
 * term it was made in, and the id of the last entry, so that a write that was overwritten meanwhile confirms nothing.
 */
function appendResponse(raft: Raft, snapshot: Ready["snapshot"]): Message | undefined {
  const { hasEntries } = raft.log.unstable;
  if (!hasEntries && !snapshot) return undefined;
  const last = hasEntries ? raft.log.lastEntryId() : { index: 0, term: 0 };
  return makeMessage("MsgStorageAppendResp", {
    to: raft.id,
    from: localAppendThread,
    term: raft.term,
    index: last.index,
    logTerm: last.term,
    snapshot,
  });
}

function applyResponse(raft: Raft, entries: readonly Entry[]): Message {
  return makeMessage("MsgStorageApplyResp", { to: raft.id, from: localApplyThread, entries });
}
