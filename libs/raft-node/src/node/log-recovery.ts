/**
 * Finds the log that a member left, or begins one, and brings it together with what the state machine holds.
 *
 * A new cluster's log begins with a snapshot marker that names all initial members, at index = their number and term 1,
 * alike everywhere: where etcd's log stands after one configuration entry per member. So who joins later always gets a
 * whole state first, also when the cluster itself started from a restored one.
 */
import { emptyBytes } from "@triarch/base";
import { emptyConfState, emptyHardState, MemoryStorage } from "@triarch/raft";
import type { MemberId } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import { createWal, openWal, walExists } from "@triarch/wal";
import type { CatchUpBounds, Wal, WalDisk, WalReplay, WalSnapshot } from "@triarch/wal";
import { RaftNodeError } from "../types.ts";
import type { InitialMember } from "../types.ts";

export interface LogOptions {
  readonly id: MemberId;
  readonly clusterId: bigint;
  /** For messages. */
  readonly dir: string;
  readonly disk: WalDisk;
  readonly initialMembers: readonly InitialMember[];
  readonly join: boolean;
  readonly segmentSizeBytes: number | undefined;
  /** What is kept in memory for peers that lag. */
  readonly catchUp: CatchUpBounds;
  /** Of the state machine, before anything is applied. */
  readonly durableIndex: number;
  readonly logger: Logger;
}

export interface RecoveredLog {
  readonly wal: Wal;
  readonly storage: MemoryStorage;
  /** Raft hands out committed entries after this one; those the state machine has are skipped. */
  readonly snapshot: WalSnapshot;
}

/** @throws WalError | RaftNodeError "lostLog" | "staleState" */
export async function recoverLog(options: LogOptions): Promise<RecoveredLog> {
  const { id, clusterId, dir, disk, durableIndex, logger } = options;
  const { segmentSizeBytes, catchUp } = options;
  const walOptions = {
    disk,
    metadata: { clusterId, memberId: id },
    ...(segmentSizeBytes === undefined ? {} : { segmentSizeBytes }),
  };
  if (!(await walExists(disk))) {
    const snapshot = firstSnapshot(options);
    if (durableIndex > snapshot.index) {
      throw new RaftNodeError(
        "lostLog",
        `the state in ${dir} is at index ${durableIndex}, but there is no log: its vote is forgotten. Remove this ` +
          "member from the cluster and add it again under a new id.",
      );
    }
    const hardState = { ...emptyHardState, term: snapshot.term };
    const wal = await createWal({ ...walOptions, snapshot });
    logger.info({ index: snapshot.index, voters: snapshot.confState.voters.map(String) }, "log created");
    return { wal, storage: storageOf({ hardState, snapshot, entries: [] }), snapshot };
  }
  const { wal, replay } = await openWal({ ...walOptions, catchUp });
  try {
    if (replay.repair !== undefined)
      logger.warn({ ...replay.repair }, "log repaired: a write that a crash cut short was dropped");
    const completed = await completeInstallation(wal, replay, durableIndex);
    requireSameHistory(completed, options);
    // What the state machine has was committed, even if the commit index on disk is older.
    const commit = Math.max(completed.hardState.commit, durableIndex);
    const recovered = { ...completed, hardState: { ...completed.hardState, commit } };
    logger.info({ ...summary(recovered), durableIndex }, "log replayed");
    return { wal, storage: storageOf(recovered), snapshot: recovered.snapshot };
  } catch (error) {
    await wal.close();
    throw error;
  }
}

type Log = Pick<WalReplay, "hardState" | "snapshot" | "entries">;

function firstSnapshot({ initialMembers, join: joins }: LogOptions): WalSnapshot {
  if (joins) return { index: 0, term: 0, confState: emptyConfState };
  const voters = initialMembers.map((member) => member.id).sort((left, right) => (left < right ? -1 : 1));
  return { index: voters.length, term: 1, confState: { ...emptyConfState, voters } };
}

/** A crash came after the state machine took a leader's snapshot and before the log said so. */
async function completeInstallation(wal: Wal, replay: WalReplay, durableIndex: number): Promise<Log> {
  const { installing } = replay;
  if (installing === undefined || installing.index !== durableIndex) return replay;
  const { index, term } = installing;
  const hardState =
    term > replay.hardState.term ? { term, vote: 0n, commit: index } : { ...replay.hardState, commit: index };
  await wal.append({ snapshot: installing, hardState, sync: true });
  return { hardState, snapshot: installing, entries: [] };
}

function requireSameHistory(log: Log, { dir, durableIndex, initialMembers }: LogOptions): void {
  const { snapshot } = log;
  const lastIndex = Math.max(snapshot.index, log.entries.at(-1)?.index ?? 0);
  if (durableIndex > lastIndex) {
    throw new RaftNodeError(
      "lostLog",
      `the state in ${dir} is at index ${durableIndex}, but the log ends at ${lastIndex}: they are not of one piece. ` +
        "Remove this member from the cluster and add it again under a new id.",
    );
  }
  const isFirst = snapshot.term <= 1 && snapshot.index <= initialMembers.length;
  if (durableIndex < snapshot.index && !isFirst) {
    throw new RaftNodeError(
      "staleState",
      `the state in ${dir} is at index ${durableIndex}, but the log starts at ${snapshot.index}: the state was lost or ` +
        "replaced by an older one. It can be taken from another member.",
    );
  }
}

/** The entries from before the snapshot stay available to peers that lag. */
function storageOf({ hardState, snapshot, entries }: Log): MemoryStorage {
  const storage = new MemoryStorage();
  const first = entries[0];
  const { index, term, confState } = snapshot;
  if (first !== undefined && first.index <= index) {
    // Only its index and term are known to be followed by the rest: it stands for all before it.
    storage.applySnapshot({ index: first.index, term: first.term, confState, data: emptyBytes });
    storage.append(entries.slice(1));
    if (index > first.index) storage.createSnapshot(index, confState, emptyBytes);
  } else {
    if (index > 0) storage.applySnapshot({ index, term, confState, data: emptyBytes });
    storage.append(entries);
  }
  storage.setHardState({ ...hardState, commit: Math.max(hardState.commit, index) });
  return storage;
}

function summary({ hardState, snapshot, entries }: Log): object {
  return { term: hardState.term, commit: hardState.commit, snapshot: snapshot.index, entries: entries.length };
}
