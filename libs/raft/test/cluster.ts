/**
 * A cluster in memory that only moves when told to: members over `MemoryStorage`, one network queue, cuts and losses.
 * Used by the scenario files and by the randomised simulation.
 */
import { assertDefined, seededRng, utf8Text } from "@triarch/base";
import type { Rng } from "@triarch/base";
import {
  decodeConfChange,
  emptyConfState,
  localAppendThread,
  localApplyThread,
  MemoryStorage,
  RawNode,
} from "../src/index.ts";
import type {
  ConfState,
  Entry,
  MemberId,
  Message,
  RaftConfig,
  RaftStorage,
  ReadState,
  Snapshot,
} from "../src/index.ts";

export type ClusterOptions = Partial<Omit<RaftConfig, "id" | "storage" | "rng">> & { readonly seed?: number };

export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  readonly text: string;
}

/** The disk outlives a crash, the rest does not. */
export class Member {
  readonly id: MemberId;
  readonly disk = new MemoryStorage();
  readonly #config: Omit<RaftConfig, "applied" | "rng">;
  raft: RawNode;
  /** The state machine's disk: it is as durable as the log. */
  applied: AppliedEntry[] = [];
  appliedIndex: number;
  confState: ConfState;
  reads: ReadState[] = [];
  /** Asynchronous storage work, in order. */
  appendWork: Message[] = [];
  applyWork: Message[] = [];

  constructor(id: MemberId, confState: ConfState, options: ClusterOptions, rng: Rng) {
    this.id = id;
    this.confState = confState;
    const first: Snapshot = { index: 1, term: 1, confState, data: new Uint8Array(0) };
    const known = confState.voters.length > 0;
    if (known) this.disk.applySnapshot(first);
    this.appliedIndex = known ? 1 : 0;
    this.#config = { ...defaults, ...options, id, storage: this.#storage() };
    this.raft = new RawNode({ ...this.#config, applied: this.appliedIndex, rng });
  }

  get async(): boolean {
    return this.#config.asyncStorageWrites;
  }

  /** Starts again from the disks. */
  restart(rng: Rng): void {
    this.appendWork = [];
    this.applyWork = [];
    this.reads = [];
    const held = this.disk.snapshot();
    this.raft = new RawNode({ ...this.#config, applied: Math.max(this.appliedIndex, held.index), rng });
  }

  /** The disk, but with the configuration and the state that were applied last instead of the last snapshot's. */
  #storage(): RaftStorage {
    const { disk } = this;
    return {
      initialState: () => ({ hardState: disk.initialState().hardState, confState: this.confState }),
      entries: (lo, hi, maxSizeBytes) => disk.entries(lo, hi, maxSizeBytes),
      term: (index) => disk.term(index),
      firstIndex: () => disk.firstIndex(),
      lastIndex: () => disk.lastIndex(),
      snapshot: () => (this.appliedIndex > disk.snapshot().index ? this.makeSnapshot() : disk.snapshot()),
    };
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.appliedIndex) throw new Error(`${this.id.toString()} applies ${entry.index} twice`);
      if (entry.index !== this.appliedIndex + 1)
        throw new Error(`${this.id.toString()} skips ${this.appliedIndex + 1}`);
      this.appliedIndex = entry.index;
      if (entry.type !== "normal") this.confState = this.raft.applyConfChange(decodeConfChange(entry.type, entry.data));
      const text = entry.type === "normal" ? utf8Text(entry.data) : entry.type;
      this.applied.push({ index: entry.index, term: entry.term, text });
    }
  }

  /** The state machine's content is in the snapshot, as the real one streams it. */
  makeSnapshot(): Snapshot {
    const data = new TextEncoder().encode(JSON.stringify(this.applied));
    return this.disk.createSnapshot(this.appliedIndex, this.confState, data);
  }

  installSnapshot(snapshot: Snapshot): void {
    this.disk.applySnapshot(snapshot);
    const text = utf8Text(snapshot.data);
    this.applied = text === "" ? [] : (JSON.parse(text) as AppliedEntry[]);
    this.appliedIndex = snapshot.index;
    this.confState = snapshot.confState;
  }
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly rng: Rng;
  readonly members = new Map<MemberId, Member>();
  /** In flight, oldest first. */
  network: Message[] = [];
  /** Members of different groups do not hear each other. */
  groups: ReadonlySet<MemberId>[] = [];
  /** Lost on sending. */
  loses: (message: Message) => boolean = () => false;

  constructor(count: number, options: ClusterOptions = {}) {
    this.#options = options;
    this.rng = seededRng(options.seed ?? 1);
    const voters = Array.from({ length: count }, (_, i) => BigInt(i + 1));
    for (const id of voters) this.add(id, { ...emptyConfState, voters });
  }

  add(id: MemberId, confState: ConfState = emptyConfState): Member {
    const member = new Member(id, confState, this.#options, this.rng);
    this.members.set(id, member);
    return member;
  }

  member(id: MemberId): Member {
    return assertDefined(this.members.get(id), `no member ${id.toString()}`);
  }

  connected(left: MemberId, right: MemberId): boolean {
    return this.groups.length === 0 || this.groups.some((group) => group.has(left) && group.has(right));
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) if (!this.loses(message)) this.network.push(message);
  }

  /** Delivers what can be delivered of one message; what is cut off is lost, and reported for snapshots. */
  deliver(message: Message): void {
    const arrives = this.members.has(message.to) && this.connected(message.from, message.to);
    if (arrives) this.member(message.to).raft.step(message);
    if (message.type === "MsgSnap") this.members.get(message.from)?.raft.reportSnapshot(message.to, arrives);
  }

  /** One Ready of one member. @param crashAfterSend die after the first messages left, before anything is on disk */
  handleReady(member: Member, crashAfterSend = false): void {
    const ready = member.raft.ready();
    member.reads.push(...ready.readStates);
    this.#dispatch(member, ready.messagesBeforePersist);
    if (crashAfterSend) {
      member.restart(this.rng);
      return;
    }
    if (member.async) return;
    if (ready.snapshot) member.installSnapshot(ready.snapshot);
    member.disk.append(ready.entriesToPersist);
    if (ready.hardState) member.disk.setHardState(ready.hardState);
    this.#dispatch(member, ready.messagesAfterPersist);
    member.apply(ready.committedEntries);
    member.raft.advance();
  }

  #dispatch(member: Member, messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.to === localAppendThread) member.appendWork.push(message);
      else if (message.to === localApplyThread) member.applyWork.push(message);
      else this.send([message]);
    }
  }

  /** One piece of queued storage work, if any. */
  handleAppendWork(member: Member): void {
    const work = member.appendWork.shift();
    if (!work) return;
    if (work.snapshot) member.installSnapshot(work.snapshot);
    member.disk.append(work.entries);
    const { term, vote, commit } = work;
    if (term !== 0) member.disk.setHardState({ term, vote, commit });
    this.#respond(member, work.responses);
  }

  handleApplyWork(member: Member): void {
    const work = member.applyWork.shift();
    if (!work) return;
    // A snapshot may have been installed since they were queued.
    member.apply(work.entries.filter((entry) => entry.index > member.appliedIndex));
    this.#respond(member, work.responses);
  }

  #respond(member: Member, responses: readonly Message[]): void {
    for (const response of responses) {
      if (response.to === member.id) member.raft.step(response);
      else this.send([response]);
    }
  }

  /** Everyone works and everything in flight arrives, until nothing is left or the rounds are over. */
  run(roundsMax = 1000): void {
    for (let round = 0; round < roundsMax; round++) {
      let idle = this.network.length === 0;
      for (const member of this.members.values()) {
        while (member.appendWork.length > 0) this.handleAppendWork(member);
        while (member.applyWork.length > 0) this.handleApplyWork(member);
        if (!member.raft.hasReady()) continue;
        idle = false;
        this.handleReady(member);
      }
      if (idle) return;
      const inFlight = this.network;
      this.network = [];
      for (const message of inFlight) this.deliver(message);
    }
  }
}

const defaults: Omit<RaftConfig, "id" | "storage" | "applied" | "rng"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  maxSizePerMsg: 1024 * 1024,
  maxCommittedSizePerReady: 1024 * 1024,
  maxUncommittedEntriesSize: 1024 * 1024,
  maxInflightMsgs: 256,
  maxInflightBytes: 0,
  checkQuorum: false,
  preVote: false,
  readOnlyOption: "safe",
  disableProposalForwarding: false,
  stepDownOnRemoval: true,
  asyncStorageWrites: false,
  disableConfChangeValidation: false,
};
