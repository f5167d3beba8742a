/**
 * Does what one `Ready` asks for, in the order that keeps Raft's promises.
 *
 * I1. A leader's appends leave before its own sync; votes and acknowledgements after theirs.
 * I2. An entry is applied only when it is in this member's own synced log.
 * I3. The log says which snapshot is coming before the state machine is replaced, so that a crash in between can be told.
 */
import { assert, assertDefined, emptyBytes } from "@triarch/base";
import type { Clock } from "@triarch/base";
import { makeMessage } from "@triarch/raft";
import type { MemberId, Message, RawNode, ReadState, Ready, SoftState } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import type { ReceivedSnapshot } from "../transport/snapshot-spool.ts";
import type { OutgoingSnapshot, RaftMeasures, SnapshotMeta, StateMachine } from "../types.ts";
import type { Applier } from "./applier.ts";
import { membersOf } from "./conf-states.ts";
import type { RecoveredLog } from "./log-recovery.ts";
import type { LogRetention } from "./log-retention.ts";
import type { PeerTransport } from "./peer-transport.ts";

export interface ReadyWorkParts {
  readonly raw: RawNode;
  readonly log: RecoveredLog;
  readonly transport: PeerTransport;
  readonly applier: Applier;
  readonly retention: LogRetention;
  readonly stateMachine: StateMachine;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly measures: RaftMeasures | undefined;
  readonly onSoftState: (softState: SoftState) => void;
  readonly onReadStates: (states: readonly ReadState[]) => void;
  readonly onInstalled: (meta: SnapshotMeta) => void;
}

/** A leader's snapshot, on disk, that Raft was told of. */
interface ArrivedSnapshot {
  readonly snapshot: ReceivedSnapshot;
  readonly taken: PromiseWithResolvers<void>;
}

export class ReadyWork {
  readonly #parts: ReadyWorkParts;
  #arrived: ArrivedSnapshot | undefined;

  constructor(parts: ReadyWorkParts) {
    this.#parts = parts;
  }

  get arrived(): ArrivedSnapshot | undefined {
    return this.#arrived;
  }

  /** @returns resolves when it is installed or refused; rejects when the node stops */
  arrive(snapshot: ReceivedSnapshot): Promise<void> {
    assert(this.#arrived === undefined, "snapshots arrive one at a time");
    const taken = Promise.withResolvers<void>();
    this.#arrived = { snapshot, taken };
    return taken.promise;
  }

  release(arrived: ArrivedSnapshot): void {
    if (this.#arrived !== arrived) return;
    this.#arrived = undefined;
    arrived.taken.resolve();
  }

  stop(error: Error): void {
    this.#arrived?.taken.reject(error);
    this.#arrived = undefined;
  }

  /** @param term of this member as of `ready` */
  async run(ready: Ready, term: number): Promise<void> {
    const { raw, applier } = this.#parts;
    this.#send(ready.messagesBeforePersist, term); // I1
    if (ready.softState !== undefined) this.#parts.onSoftState(ready.softState);
    if (ready.readStates.length > 0) this.#parts.onReadStates(ready.readStates);
    if (ready.snapshot !== undefined) await this.#install(ready.snapshot);

    const { entriesToPersist, committedEntries } = ready;
    const written = this.#persist(ready);
    const firstUnsynced = entriesToPersist[0]?.index ?? Number.POSITIVE_INFINITY;
    const unsynced = committedEntries.findIndex((entry) => entry.index >= firstUnsynced);
    try {
      applier.apply(unsynced === -1 ? committedEntries : committedEntries.slice(0, unsynced));
    } finally {
      await written;
    }
    this.#send(ready.messagesAfterPersist, term); // I1
    if (unsynced !== -1) applier.apply(committedEntries.slice(unsynced)); // I2
    raw.advance();
  }

  async #persist({ entriesToPersist, hardState, snapshot, mustSync }: Ready): Promise<void> {
    if (entriesToPersist.length === 0 && hardState === undefined && snapshot === undefined) return;
    const { log, retention, clock, measures } = this.#parts;
    const sync = mustSync || snapshot !== undefined;
    const startedMs = clock.monotonicMs();
    await log.wal.append({ entries: entriesToPersist, hardState, snapshot, sync });
    if (sync) measures?.logWrite(clock.monotonicMs() - startedMs);
    log.storage.append(entriesToPersist);
    retention.appended(entriesToPersist);
  }

  async #install(snapshot: SnapshotMeta): Promise<void> {
    const { log, stateMachine, applier, retention, logger, onInstalled } = this.#parts;
    const { index, term, confState } = snapshot;
    const arrived = assertDefined(this.#arrived, "Raft has taken a snapshot that arrived");
    assert(arrived.snapshot.message.snapshot?.index === index, `the snapshot taken is the one that arrived: ${index}`);
    const meta = { index, term, confState };
    await log.wal.append({ installing: meta, sync: true }); // I3
    await stateMachine.installSnapshot(meta, arrived.snapshot.chunks());
    log.storage.applySnapshot({ ...meta, data: emptyBytes });
    applier.restarted(meta);
    retention.replaced(meta);
    onInstalled(meta);
    logger.info({ index, term }, "snapshot installed");
  }

  #send(messages: readonly Message[], term: number): void {
    if (messages.length === 0) return;
    const snapshots = messages.filter((message) => message.type === "MsgSnap");
    const others = snapshots.length === 0 ? messages : messages.filter((message) => message.type !== "MsgSnap");
    this.#parts.transport.send(others, term);
    for (const message of snapshots) this.#sendSnapshot(message);
  }

  /** For a member that lost its state and not its log. The log says the configuration at the state's index. */
  stateFor(peer: MemberId, term: number): { readonly message: Message; readonly state: OutgoingSnapshot } {
    const { stateMachine, retention } = this.#parts;
    const state = stateMachine.snapshotStream();
    const { index } = state;
    const confState = state.confState ?? retention.confStateAt(index);
    const snapshot = { index, term: state.term, confState, data: emptyBytes };
    return { message: makeMessage("MsgSnap", { to: peer, term, snapshot }), state };
  }

  /** The state machine's state may be newer than the snapshot Raft knows of; the message then tells of that one. */
  #sendSnapshot(message: Message): void {
    const { stateMachine, retention, transport, logger } = this.#parts;
    const known = assertDefined(message.snapshot, "MsgSnap has a snapshot");
    const outgoing = stateMachine.snapshotStream();
    const { index, term } = outgoing;
    const fields = { peer: message.to.toString(16), index, term };
    const confState = outgoing.confState ?? (index < known.index ? undefined : retention.confStateAt(index));
    if (confState === undefined || !membersOf(confState).includes(message.to)) {
      // The state machine's own storage is not there yet: its first entries, or those that made the receiver a member.
      logger.info(fields, "no snapshot to send yet");
      transport.dropSnapshot(message, outgoing);
      return;
    }
    logger.info(fields, "sending a snapshot");
    transport.sendSnapshot({ ...message, snapshot: { index, term, confState, data: emptyBytes } }, outgoing);
  }
}
