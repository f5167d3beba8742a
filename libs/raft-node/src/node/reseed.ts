/**
 * A member whose state is lost or not to be trusted, and whose log is whole, takes another member's state and goes on
 * under its own id: its vote and what it acknowledged are in the log.
 *
 * Invariants:
 *  I1. a state older than the log's own beginning is not taken: entries would be missing in between;
 *  I2. a state that the log does not lead up to (it ends before, or has another entry there) is announced in the log
 *      before it is put in place, exactly like a leader's snapshot, so that the next start completes it. What the log
 *      holds beyond such a state was never committed, or is sent again by the leader.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { MemberId } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import { nodeWalDisk, openWal, walExists } from "@triarch/wal";
import type { WalReplay } from "@triarch/wal";
import { fetchState } from "../transport/state-transfer.ts";
import { RaftNodeError } from "../types.ts";
import type { LogPosition, PeerTls, SnapshotMeta } from "../types.ts";

export interface ReseedOptions {
  readonly id: MemberId;
  readonly clusterId: bigint;
  /** As `RaftNodeOptions.dir`. */
  readonly dir: string;
  /** Asked in turn, until one has a state that fits. */
  readonly peers: readonly { readonly id: MemberId; readonly url: string }[];
  readonly tls?: PeerTls;
  /** The state must have come at least so far. */
  readonly minIndex: number;
  /** Makes the state durable beside the old one. */
  readonly receive: (meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  /** Puts what was received in the old one's place; a crash leaves either. */
  readonly replace: () => Promise<void>;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

/** Between two rounds over all peers. */
const retryMs = 500;
/** A line in the log each so many rounds. */
const roundsPerLine = 20;

/**
 * To be called before the node starts. Goes on until a peer has given its state.
 * @throws RaftNodeError "lostLog" when there is no log | "stopped" when aborted or there is no peer | WalError
 */
export async function reseedStateMachine(options: ReseedOptions): Promise<LogPosition> {
  const { id, clusterId, dir, peers, logger, signal } = options;
  const disk = nodeWalDisk(join(dir, "wal"));
  if (!(await walExists(disk))) {
    throw new RaftNodeError(
      "lostLog",
      `the state in ${dir} is damaged and there is no log: this member's vote is forgotten. Remove it from the ` +
        "cluster and add it again under a new id.",
    );
  }
  if (peers.length === 0) {
    throw new RaftNodeError(
      "stopped",
      `the state in ${dir} is damaged, and a lone member has nobody to take it from: restore it from a snapshot`,
    );
  }
  const { wal, replay } = await openWal({ disk, metadata: { clusterId, memberId: id } });
  try {
    for (let round = 0; ; round++) {
      for (const peer of peers) {
        if (signal?.aborted === true)
          throw new RaftNodeError("stopped", "taking another member's state was called off");
        try {
          return await takeFrom(peer, options, replay, (batch) => wal.append(batch));
        } catch (error) {
          if (error instanceof LocalFailure) throw error.cause;
          if (round % roundsPerLine > 0) continue;
          logger.warn({ peer: peer.id.toString(16), error: String(error) }, "no state from this member yet");
        }
      }
      await delay(retryMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  } finally {
    await wal.close();
  }
}

/** Of our own disk: another peer would not help. */
class LocalFailure extends Error {
  override readonly name = "LocalFailure";
}

async function takeFrom(
  peer: ReseedOptions["peers"][number],
  { id, clusterId, tls, minIndex, receive, replace, logger }: ReseedOptions,
  replay: WalReplay,
  append: (batch: { readonly installing: SnapshotMeta; readonly sync: true }) => Promise<void>,
): Promise<LogPosition> {
  const state = await fetchState({ own: { clusterId, memberId: id }, peer: peer.id, url: peer.url, tls });
  const { meta } = state;
  try {
    const needed = Math.max(minIndex, replay.snapshot.index); // I1
    if (meta.index < needed) throw new Error(`its state is at index ${meta.index}, ${needed} is needed`);
    await receive(meta, state.chunks);
  } finally {
    state.close();
  }
  try {
    if (!leadsTo(replay, meta)) await append({ installing: meta, sync: true }); // I2
    await replace();
  } catch (error) {
    throw new LocalFailure("the received state could not be put in place", { cause: error });
  }
  logger.info({ peer: peer.id.toString(16), index: meta.index, term: meta.term }, "took another member's state");
  return { index: meta.index, term: meta.term };
}

function leadsTo({ snapshot, entries }: WalReplay, { index, term }: LogPosition): boolean {
  if (index === snapshot.index) return term === snapshot.term;
  const first = entries[0]?.index ?? 0;
  return entries[index - first]?.term === term;
}
