import { rm } from "node:fs/promises";
import { systemClock, type Clock } from "@triarch/base";
import type { PeerTls, RaftNode, RaftTiming, startRaftNode } from "@triarch/raft-node";
import type { Logger, Registry } from "@triarch/telemetry";
import type { TokenOptions } from "./auth/tokens.ts";
import { identityOf, type Identity } from "./members/identity.ts";
import type { InitialMember } from "./members/membership.ts";
import { openLocal, type Local } from "./open-local.ts";
import { runServer } from "./run-server.ts";
import type { AutoCompactionPolicy } from "./server/auto-compaction.ts";
import { memberDataDir, type MemberDataDir } from "./server/data-dir.ts";
import { MemberDatabase } from "./server/database.ts";
import type { EtcdServer } from "./server/etcd-server.ts";
import { damageFound, reseed, reseedNeeded, writeReseedMark, type ReseedMark } from "./server/reseed.ts";
import type { SnapshotSchedule } from "./snapshot/schedule.ts";
import { startNode } from "./start-node.ts";

export interface StoreOptions {
  /** This member's name; one of `initialMembers`. */
  readonly name: string;
  /** Holds `member/`. Made if missing. */
  readonly dataDir: string;
  /** Alike on all members; another token makes another cluster. */
  readonly clusterToken: string;
  /** All first members, this one included, alike on all. One is a cluster of its own. */
  readonly initialMembers: readonly InitialMember[];
  /** Default: follows from the initial members, which holds for those that the cluster began with. */
  readonly clusterId?: bigint;
  /**
   * True: this is a new member of a running cluster, which was told of it (`memberAdd`). Needs `clusterId` and an `id` for
   * each of `initialMembers`, which are then those to call. Has no effect once the member's log has begun.
   */
  readonly join?: boolean;
  /** Where this member's etcd port can be reached; told to the cluster. */
  readonly clientUrls?: readonly string[];
  readonly listenPeer: { readonly host: string; readonly port: number };
  /** Absent: plain TCP, for tests and for a lone member on loopback. */
  readonly peerTls?: PeerTls;
  /** Where a member listens now, by name; default: its first peer URL. */
  readonly peerUrlOf?: (name: string) => string | undefined;
  readonly timing?: Partial<RaftTiming>;
  /** Size of the database's files at which writes are refused. Default 2 GiB. */
  readonly quotaBytes?: number;
  /** Default: periodic, 5 minutes. */
  readonly autoCompaction?: AutoCompactionPolicy;
  /** Snapshots to be taken by whoever leads, until another schedule is set in the store; alike on all members. */
  readonly snapshotSchedule?: SnapshotSchedule;
  /** Between two comparisons of all members' data, while this one leads; 0: never. Default a minute. */
  readonly hashCheckIntervalMs?: number;
  readonly requestTimeoutMs?: number;
  /** How clients of the etcd port that logged in are known again. Default simple; alike on all members. */
  readonly authTokens?: TokenOptions;
  readonly clock?: Clock;
  /** Another driver of the log, for tests of what stands on it. */
  readonly startRaft?: typeof startRaftNode;
  readonly logger: Logger;
  /** Gets the store's own figures. */
  readonly registry?: Registry;
  /** The database cannot be used: nothing is served until another member has given its state. Called once, if at all. */
  readonly onWaiting?: (reason: string) => void;
  /** Calls off a start that waits for another member's state. */
  readonly signal?: AbortSignal;
  /** The disk, the log or the state machine failed: the store has stopped and the process must end. Called once. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningStore {
  readonly server: EtcdServer;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly peerAddress: { readonly host: string; readonly port: number };
  /** Stops taking requests, gives leadership away, makes everything durable. */
  close(): Promise<void>;
}

/**
 * Starts one member: opens its database, rebuilds the state, replays the log, joins its peers. Resolves before there is
 * a leader. A member whose database is damaged, with its log whole, first takes another member's state, however long
 * that takes.
 *
 * @throws LevelStoreError | WalError | RaftNodeError | Error naming what is wrong with the data directory or the options
 */
export async function startStore(options: StoreOptions): Promise<RunningStore> {
  const identity = identityOf(options);
  const dir = memberDataDir(options.dataDir);
  const needed = await reseedNeeded(dir);
  if (needed !== undefined) {
    await takeOtherState(options, identity, dir, needed);
    return startMember(options, identity, dir);
  }
  try {
    const running = await startMember(options, identity, dir);
    await rm(dir.damaged, { recursive: true, force: true });
    return running;
  } catch (error) {
    const found = damageFound(error);
    if (found === undefined) throw error;
    await takeOtherState(options, identity, dir, found);
    return startMember(options, identity, dir);
  }
}

async function takeOtherState(
  options: StoreOptions,
  { memberId, clusterId, idOf }: Identity,
  dir: MemberDataDir,
  mark: ReseedMark,
): Promise<void> {
  const { initialMembers, peerUrlOf, peerTls, logger, onWaiting, signal, clock = systemClock } = options;
  const peers = initialMembers
    .filter(({ name }) => name !== options.name)
    .map((member) => ({ id: idOf(member), url: peerUrlOf?.(member.name) ?? member.peerUrls[0] ?? "" }));
  onWaiting?.(mark.reason);
  await reseed({ dir, mark, memberId, clusterId, peers, peerTls, logger, clock, signal });
}

async function startMember(options: StoreOptions, identity: Identity, dir: MemberDataDir): Promise<RunningStore> {
  const fatal = onceFatal(options);
  const database = await MemberDatabase.open(dir);
  try {
    const local = await openLocal(options, identity, database, fatal);
    const node = await startNode(options, identity, dir, local, fatal);
    giveUpWhenUntrusted(options, identity, dir, local, node, fatal);
    return runServer(options, identity, local, node);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** From now on damage ends the process; the mark makes the next start take another member's state. */
function giveUpWhenUntrusted(
  { initialMembers }: StoreOptions,
  { memberId }: Identity,
  dir: MemberDataDir,
  { database, untrusted }: Local,
  node: RaftNode,
  fatal: (error: unknown) => void,
): void {
  const giveUp = (error: Error, minIndex: number): void => {
    // A lone member has nobody to take it from: what the disk gives back may be sound next time.
    if (initialMembers.length === 1) return fatal(error);
    const mark = { reason: error.message, minIndex, preferred: node.leader === memberId ? "" : node.leader.toString() };
    writeReseedMark(dir, mark).then(() => fatal(error), fatal);
  };
  database.watchForDamage((error) => giveUp(error, 0));
  untrusted.then(
    (index) => giveUp(new Error("this member's data differ from the majority's; it starts again with theirs"), index),
    fatal,
  );
}

function onceFatal({ logger, onFatal }: StoreOptions): (error: unknown) => void {
  let told = false;
  return (error) => {
    const failure = error instanceof Error ? error : new Error(String(error));
    logger.error({ error: failure.stack ?? failure.message }, "the store cannot go on");
    if (told) return;
    told = true;
    onFatal(failure);
  };
}
