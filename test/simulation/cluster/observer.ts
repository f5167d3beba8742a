/** What checkers and the report can see of a run. Everything is called at the moment it happens, before its effects. */
import type { ConfState, Entry, Message } from "@triarch/raft";
import type { LogPosition, RaftNode, SnapshotMeta } from "@triarch/raft-node";
import type { WalReplay } from "@triarch/wal";
import type { SimProcess } from "../world/process.ts";
import type { KvState } from "./kv-state.ts";

/** A member as checkers look at it. */
export interface Speaker {
  readonly process: SimProcess;
  readonly node: RaftNode | undefined;
  /** Could a power cut take data that the log has written? */
  readonly hasUnsyncedLog: boolean;
  /** Reads the log as programs see it, or as a power cut now would leave it at the least; all within this event. */
  readLog(view: "seen" | "durable"): Promise<WalReplay>;
}

export interface CompletedWrite {
  readonly id: string;
  readonly key: string;
  readonly index: number;
}

export interface CompletedRead {
  readonly memberId: bigint;
  readonly key: string;
  /** What `readIndex` gave. */
  readonly index: number;
  /** Where the value that was read had been written; 0 for none. */
  readonly writtenAt: number;
  /** As of the read's beginning. */
  readonly floors: ReadFloors;
}

/** What a read may not fall behind. */
export interface ReadFloors {
  /** Highest index that any member had applied. */
  readonly applied: number;
  /** Of the key: where the newest value was written that a client knew of. */
  readonly written: number;
}

export interface Observer {
  onSend?(speaker: Speaker, messages: readonly Message[]): void;
  /** @param before the state that `entries` will change */
  onApply?(process: SimProcess, before: KvState, entries: readonly Entry[], position: LogPosition): void;
  onEntryApplied?(process: SimProcess, after: KvState, entry: Entry): void;
  onConfChanged?(process: SimProcess, index: number, confState: ConfState): void;
  onInstalled?(process: SimProcess, meta: SnapshotMeta, state: KvState): void;
  /** A stopped member's log, as its next process will find it. */
  onLogFound?(memberId: bigint, log: WalReplay): void;
  onWriteAcknowledged?(write: CompletedWrite): void;
  /** Raft said that it dropped the proposal. */
  onWriteRefused?(id: string): void;
  onRead?(read: CompletedRead): void;
  /** The run is over and everything has settled. */
  onEnd?(members: readonly { readonly memberId: bigint; readonly state: KvState }[]): void;
}
