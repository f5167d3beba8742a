/**
 * One member under test: Raft, its storage, the local threads' queues, and a state machine that appends all data it is
 * given to a text. Its newest state is the snapshot that a lagging follower gets.
 */
import { assertDefined, concatBytes, seededRng } from "@triarch/base";
import { decodeConfChange, emptyConfState, MemoryStorage, RawNode } from "@triarch/raft";
import type { ConfState, Entry, HardState, MemberId, Message, RaftConfig, RaftStorage, Snapshot } from "@triarch/raft";

export type NodeOptions = Partial<Omit<RaftConfig, "id" | "storage">>;

export const emptySnapshot: Snapshot = { index: 0, term: 0, confState: emptyConfState, data: new Uint8Array(0) };

export class TestNode {
  readonly id: MemberId;
  readonly raft: RawNode;
  readonly storage = new MemoryStorage();
  readonly config: RaftConfig;
  appendWork: Message[] = [];
  applyWork: Message[] = [];
  /** The state after each applied entry. */
  readonly #history: Snapshot[];

  constructor(id: MemberId, options: NodeOptions, start: Snapshot) {
    this.id = id;
    this.#history = [start];
    if (start.index > 0) this.storage.applySnapshot(start);
    this.config = { ...defaults, ...options, id, storage: this.#storageWithNewestSnapshot() };
    this.raft = new RawNode(this.config);
  }

  #storageWithNewestSnapshot(): RaftStorage {
    const { storage } = this;
    return {
      initialState: () => storage.initialState(),
      entries: (lo, hi, maxSizeBytes) => storage.entries(lo, hi, maxSizeBytes),
      term: (index) => storage.term(index),
      firstIndex: () => storage.firstIndex(),
      lastIndex: () => storage.lastIndex(),
      snapshot: () => this.state,
    };
  }

  get state(): Snapshot {
    return assertDefined(this.#history.at(-1), "history starts with one state");
  }

  persist(work: { hardState: HardState | undefined; entries: readonly Entry[]; snapshot: Snapshot | undefined }): void {
    if (work.hardState) this.storage.setHardState(work.hardState);
    if (work.snapshot) {
      if (work.entries.length > 0) throw new Error("can't apply snapshot and entries at the same time");
      this.storage.applySnapshot(work.snapshot);
      return;
    }
    this.storage.append(work.entries);
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      let update = entry.data;
      let confState: ConfState | undefined;
      if (entry.type !== "normal") {
        const change = decodeConfChange(entry.type, entry.data);
        update = change.context;
        confState = this.raft.applyConfChange(change);
      }
      const { state } = this;
      this.#history.push({
        index: entry.index,
        term: entry.term,
        confState: confState ?? state.confState,
        data: concatBytes([state.data, update]),
      });
    }
  }
}

const defaults: Omit<RaftConfig, "id" | "storage"> = {
  electionTicks: 3,
  heartbeatTicks: 1,
  applied: 0,
  maxSizePerMsg: Number.MAX_SAFE_INTEGER,
  maxCommittedSizePerReady: Number.MAX_SAFE_INTEGER,
  maxUncommittedEntriesSize: Number.MAX_SAFE_INTEGER,
  maxInflightMsgs: 2 ** 31 - 1,
  maxInflightBytes: 0,
  checkQuorum: false,
  preVote: false,
  readOnlyOption: "safe",
  disableProposalForwarding: false,
  stepDownOnRemoval: false,
  asyncStorageWrites: false,
  disableConfChangeValidation: false,
  rng: seededRng(1),
};
