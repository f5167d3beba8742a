/**
 * A member whose database cannot be trusted, and whose log can, takes another member's state before it serves again.
 *
 * Why it is needed shows in one of three ways: a mark that the running member left before it ended (its data differed
 * from the majority's, or a row was found damaged), a failure to open the database, or a log without a database.
 * The old database is kept beside the new one, as `db.damaged`, until the next start.
 */
import { existsSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { systemTimers, type Clock, type Timers } from "@triarch/base";
import { RestoreError } from "@triarch/mvcc";
import { RaftNodeError, reseedStateMachine, type PeerTls } from "@triarch/raft-node";
import { LevelStoreError, openLevelStore } from "@triarch/store-level";
import type { Logger } from "@triarch/telemetry";
import type { MemberDataDir } from "./data-dir.ts";
import { receiveState } from "./state-stream.ts";

export interface ReseedMark {
  /** For people. */
  readonly reason: string;
  /** The state must be from after this index, or the same would be found again. */
  readonly minIndex: number;
  /** Ask this member first, in decimal: it led when the mark was made. */
  readonly preferred: string;
}

/** Before the process ends; on disk when it resolves. */
export async function writeReseedMark(dir: MemberDataDir, mark: ReseedMark): Promise<void> {
  const file = await open(`${dir.reseedMark}.new`, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(mark));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${dir.reseedMark}.new`, dir.reseedMark);
  const folder = await open(dir.root, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** @returns why the database is not even to be opened; undefined: it may be sound */
export async function reseedNeeded(dir: MemberDataDir): Promise<ReseedMark | undefined> {
  if (existsSync(dir.reseedMark)) {
    try {
      return JSON.parse(await readFile(dir.reseedMark, "utf8")) as ReseedMark;
    } catch {
      return unmarked("a mark that cannot be read");
    }
  }
  const lost = existsSync(dir.log) && !existsSync(dir.database) && !existsSync(dir.ready);
  return lost ? unmarked("there is a log and no database") : undefined;
}

/** @returns why another member's state is needed, if that is what the failure to start tells; else undefined */
export function damageFound(error: unknown): ReseedMark | undefined {
  const damaged = error instanceof LevelStoreError && error.failure.code === "damaged";
  const stale = error instanceof RaftNodeError && error.failure === "staleState";
  return damaged || stale || error instanceof RestoreError ? unmarked(error.message) : undefined;
}

function unmarked(reason: string): ReseedMark {
  return { reason, minIndex: 0, preferred: "" };
}

interface ReseedOptions {
  readonly dir: MemberDataDir;
  readonly mark: ReseedMark;
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly peers: readonly { readonly id: bigint; readonly url: string }[];
  readonly peerTls: PeerTls | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timers?: Pick<Timers, "every">;
  /** Calls it off. */
  readonly signal: AbortSignal | undefined;
}

/** How often a member says that it is still waiting. */
const waitingLineMs = 10_000;

/**
 * Goes on until a member has given its state, and says so now and then: when no database of the cluster is left, every
 * member waits for the others, and only people can end that.
 * @throws RaftNodeError "lostLog" | "stopped" (a lone member, or called off) | WalError | LevelStoreError "io"
 */
export async function reseed(options: ReseedOptions): Promise<void> {
  const { mark, logger, clock, timers = systemTimers } = options;
  logger.warn({ reason: mark.reason }, "the database is not to be trusted: taking another member's state");
  const beganAtMs = clock.monotonicMs();
  const line = timers.every(waitingLineMs, () => {
    const waitedSeconds = Math.round((clock.monotonicMs() - beganAtMs) / 1000);
    logger.error({ reason: mark.reason, waitedSeconds }, waitingText);
  });
  try {
    await takeState(options);
  } finally {
    line.cancel();
  }
}

const waitingText =
  "no member has given its state yet, and nothing is served until one does. If all members say this, no database of " +
  "the cluster is left: stop them and restore a snapshot (triarch snapshot restore FILE)";

async function takeState(options: ReseedOptions): Promise<void> {
  const { dir, mark, memberId, clusterId, peers, peerTls, logger, signal } = options;
  const preferred = peers.filter(({ id }) => id.toString() === mark.preferred);
  await reseedStateMachine({
    id: memberId,
    clusterId,
    dir: dir.root,
    peers: [...preferred, ...peers.filter((peer) => !preferred.includes(peer))],
    ...(peerTls === undefined ? {} : { tls: peerTls }),
    ...(signal === undefined ? {} : { signal }),
    minIndex: mark.minIndex,
    receive: async ({ index, term }, chunks) => {
      await rm(dir.incoming, { recursive: true, force: true });
      const incoming = await openLevelStore({ directory: dir.incoming });
      try {
        await receiveState(chunks, incoming);
        await incoming.write([], { index, term });
      } finally {
        await incoming.close();
      }
    },
    replace: async () => {
      await rm(dir.damaged, { recursive: true, force: true });
      await rename(dir.incoming, dir.ready);
      if (existsSync(dir.database)) await rename(dir.database, dir.damaged);
      await rename(dir.ready, dir.database);
      await rm(dir.reseedMark, { force: true });
    },
    logger,
  });
}
