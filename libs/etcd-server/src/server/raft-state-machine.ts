import type { ConfState, Entry } from "@triarch/raft";
import type { LogPosition, OutgoingSnapshot, SnapshotMeta, StateMachine as RaftStateMachine } from "@triarch/raft-node";
import type { Logger } from "@triarch/telemetry";
import type { CompactionRunner } from "./compaction-runner.ts";
import type { MemberDatabase } from "./database.ts";
import type { Flusher } from "./flusher.ts";
import type { Gate } from "./reads.ts";
import type { StateMachine } from "./state-machine.ts";
import { receiveState, streamState } from "./state-stream.ts";
import type { Watches } from "./watches.ts";

/** What Raft's driver calls: the log's entries go to the state machine, whole states to and from the database. */
export class StoreStateMachine implements RaftStateMachine {
  readonly #memberId: bigint;
  readonly #onRemoved: () => void;
  readonly #machine: StateMachine;
  readonly #database: MemberDatabase;
  readonly #flusher: Flusher;
  readonly #compactions: CompactionRunner;
  readonly #watches: Watches;
  readonly #gate: Gate;
  readonly #logger: Logger;

  constructor(options: {
    readonly memberId: bigint;
    /** The log says that this member is none any more. */
    readonly onRemoved: () => void;
    readonly machine: StateMachine;
    readonly database: MemberDatabase;
    readonly flusher: Flusher;
    readonly compactions: CompactionRunner;
    readonly watches: Watches;
    readonly gate: Gate;
    readonly logger: Logger;
  }) {
    this.#memberId = options.memberId;
    this.#onRemoved = options.onRemoved;
    this.#machine = options.machine;
    this.#database = options.database;
    this.#flusher = options.flusher;
    this.#compactions = options.compactions;
    this.#watches = options.watches;
    this.#gate = options.gate;
    this.#logger = options.logger;
  }

  apply(entries: readonly Entry[], position: LogPosition): void {
    this.#machine.apply(entries, position);
    if (this.#machine.state.mvcc.unsyncedWatcherCount > 0) this.#watches.work();
  }

  confChanged(confState: ConfState, entry: Entry): void {
    this.#machine.changeMembers(confState, entry, () => {
      if (this.#machine.state.membership.isRemoved(this.#memberId)) this.#onRemoved();
    });
  }

  durableIndex(): number {
    return this.#flusher.durableIndex;
  }

  snapshotStream(): OutgoingSnapshot {
    const snapshot = this.#database.level.snapshot();
    return { ...snapshot.appliedPosition(), chunks: streamState(snapshot) };
  }

  async installSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { index, term } = meta;
    const incoming = await this.#database.openIncoming();
    try {
      await receiveState(chunks, incoming);
      await incoming.write([], { index, term });
    } finally {
      await incoming.close();
    }
    const replaced = this.#replace();
    this.#gate.hold(replaced);
    await replaced;
    this.#logger.info({ index, term }, "took the leader's state in place of the own one");
  }

  async #replace(): Promise<void> {
    await this.#machine.idle();
    this.#watches.hold();
    await this.#compactions.stop();
    await this.#flusher.flush();
    await this.#database.replaceByIncoming();
    await this.#database.reload(this.#machine.state);
    const position = this.#database.position(this.#machine.state.mvcc.revision);
    await this.#flusher.reset(position);
    this.#machine.restart(position);
    this.#compactions.resume();
    this.#watches.release();
  }
}
