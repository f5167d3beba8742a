import { randomInt } from "node:crypto";
import { rm } from "node:fs/promises";
import { seededRng, systemClock, type Clock, type Rng } from "@triarch/base";
import { startRaftNode, type PeerTls, type RaftNode, type RaftTiming } from "@triarch/raft-node";
import type { Logger, Registry } from "@triarch/telemetry";
import { clusterIdOf, memberIdOf, memberIdText } from "./members/member-ids.ts";
import { MembershipRequests } from "./members/membership-requests.ts";
import { Membership, type InitialMember } from "./members/membership.ts";
import { Removal } from "./members/removal.ts";
import { clusterCaller } from "./auth/caller.ts";
import { clientAuth } from "./auth/client-auth.ts";
import type { TokenOptions } from "./auth/tokens.ts";
import { AppliedWaiter } from "./server/applied-waiter.ts";
import { autoCompactionDefault, type AutoCompactionPolicy } from "./server/auto-compaction.ts";
import { CompactionRunner } from "./server/compaction-runner.ts";
import { CorruptionMonitor } from "./server/corruption-monitor.ts";
import { memberDataDir, type MemberDataDir } from "./server/data-dir.ts";
import { MemberDatabase } from "./server/database.ts";
import type { EtcdServer } from "./server/etcd-server.ts";
import { Flusher } from "./server/flusher.ts";
import { Housekeeping } from "./server/housekeeping.ts";
import { LeaseRequests } from "./server/lease-requests.ts";
import { LeaderWaiter } from "./server/leader-waiter.ts";
import { hashCheckIntervalMs, quotaBytesDefault, requestTimeoutMs } from "./server/limits.ts";
import { Maintenance } from "./server/maintenance.ts";
import { raftMetrics } from "./server/raft-metrics.ts";
import { PeerCalls } from "./server/peer-calls.ts";
import { PendingProposals } from "./server/pending-proposals.ts";
import { Proposer } from "./server/proposer.ts";
import { StoreStateMachine } from "./server/raft-state-machine.ts";
import { Gate, Reads } from "./server/reads.ts";
import { damageFound, reseed, reseedNeeded, writeReseedMark, type ReseedMark } from "./server/reseed.ts";
import { ReplicatedServer } from "./server/replicated-server.ts";
import { SpaceGuard } from "./server/space-guard.ts";
import { SpaceKeeper } from "./server/space-keeper.ts";
import { StateMachine } from "./server/state-machine.ts";
import { registerStoreMetrics } from "./server/store-metrics.ts";
import { Watches } from "./server/watches.ts";
import { checkSchedule, type SnapshotSchedule } from "./snapshot/schedule.ts";
import { SnapshotScheduler } from "./snapshot/snapshot-scheduler.ts";

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
  const { initialMembers, peerUrlOf, peerTls, logger } = options;
  const peers = initialMembers
    .filter(({ name }) => name !== options.name)
    .map((member) => ({ id: idOf(member), url: peerUrlOf?.(member.name) ?? member.peerUrls[0] ?? "" }));
  await reseed({ dir, mark, memberId, clusterId, peers, peerTls, logger });
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

interface Identity {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly idOf: (member: InitialMember) => bigint;
}

function identityOf({ name, clusterToken, initialMembers, clusterId, join }: StoreOptions): Identity {
  const idOf = (member: InitialMember): bigint => member.id ?? memberIdOf(member.peerUrls, clusterToken);
  const own = initialMembers.find((member) => member.name === name);
  if (own === undefined) {
    throw new Error(`member ${name} is not among the initial members; add it there with its peer URL`);
  }
  if (join === true && (clusterId === undefined || initialMembers.some(({ id }) => id === undefined))) {
    throw new Error(
      `member ${name} joins a cluster: give the cluster's id and the ids of all members, its own included`,
    );
  }
  return { memberId: idOf(own), clusterId: clusterId ?? clusterIdOf(initialMembers.map(idOf)), idOf };
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

/** What a member has before it talks to anyone. */
type Local = Awaited<ReturnType<typeof openLocal>>;

async function openLocal(
  options: StoreOptions,
  { memberId }: Identity,
  database: MemberDatabase,
  fatal: (error: unknown) => void,
) {
  const clock = options.clock ?? systemClock;
  const timeoutMs = options.requestTimeoutMs ?? requestTimeoutMs;
  const joins = options.join === true;
  const initial = joins ? new Membership() : Membership.initial(options.initialMembers, options.clusterToken);
  const state = await database.load(clock, initial, memberId, joins);
  const position = database.position(state.mvcc.revision);
  const flusher = new Flusher({
    target: { write: (rows, to) => database.level.write(rows, to) },
    durable: position,
    onFlushed: ({ revision }) => state.mvcc.persisted(revision),
    onFailed: fatal,
  });
  const pending = new PendingProposals({ clock, timeoutMs });
  const applied = new AppliedWaiter({ clock, timeoutMs });
  const watches = new Watches(state.mvcc, fatal);
  const compactions = new CompactionRunner(state.mvcc, (rows) => machine.addRows(rows), fatal);
  const onCompacted = (): void => compactions.start();
  const untrusted = Promise.withResolvers<number>();
  const onCorruptAlarm = (id: bigint, index: number): void => {
    if (id === memberId) untrusted.resolve(index);
  };
  const machine: StateMachine = new StateMachine({
    ...{ state, position, flusher, pending, applied, onCompacted, onCorruptAlarm, onFailed: fatal },
  });
  const removal = new Removal({ memberId, end: fatal });
  const leader = new LeaderWaiter(clock);
  const gate = new Gate();
  const peerCalls = new PeerCalls();
  const tokens = options.authTokens ?? { kind: "simple" };
  return {
    cluster: clusterCaller(state.auth),
    clientAuth: clientAuth({ auth: state.auth, applied, clock, tokens }),
    clock,
    timeoutMs,
    database,
    state,
    flusher,
    pending,
    applied,
    watches,
    compactions,
    machine,
    leader,
    gate,
    peerCalls,
    removal,
    /** Resolves with the log's index when the cluster says that this member's data are not to be trusted. */
    untrusted: untrusted.promise,
  };
}

function startNode(
  options: StoreOptions,
  { memberId, clusterId, idOf }: Identity,
  dir: MemberDataDir,
  local: Local,
  fatal: (error: unknown) => void,
): Promise<RaftNode> {
  const { initialMembers, peerUrlOf, logger } = options;
  const initial = new Map(initialMembers.map((member) => [idOf(member), member]));
  const { membership } = local.state;
  const urlOf = (id: bigint): string | undefined => {
    const known = membership.get(id) ?? initial.get(id);
    // A member that has not started yet has no name in the log.
    const name = known?.name === "" ? initial.get(id)?.name : known?.name;
    return peerUrlOf?.(name ?? "") ?? known?.peerUrls[0];
  };
  const startRaft = options.startRaft ?? startRaftNode;
  return startRaft({
    id: memberId,
    clusterId,
    dir: dir.root,
    initialMembers: initialMembers.map((member) => ({ id: idOf(member), peerUrl: member.peerUrls[0] ?? "" })),
    ...(options.join === true ? { join: true } : {}),
    peerUrlOf: urlOf,
    isRemoved: (id) => membership.isRemoved(id),
    // It tells its client URLs through the log, once it has one.
    hasStarted: (id) => (membership.get(id)?.clientUrls.length ?? 0) > 0,
    onRemoved: (refusal) => local.removal.noticed(`a peer says: ${refusal}`),
    listen: options.listenPeer,
    ...(options.peerTls === undefined ? {} : { tls: options.peerTls }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
    stateMachine: new StoreStateMachine({
      ...{ ...local, logger, memberId },
      onRemoved: () => local.removal.noticed("its log says so"),
    }),
    clock: local.clock,
    rng: seededRng(randomInt(2 ** 32)),
    logger,
    ...(options.registry === undefined ? {} : { measures: raftMetrics(options.registry) }),
    onFatal: fatal,
    onQuestion: (_from, payload) => local.peerCalls.answer(payload),
    onProposalsRefused: (payloads, reason) => local.pending.refused(payloads, reason),
  });
}

function runServer(options: StoreOptions, identity: Identity, local: Local, node: RaftNode): RunningStore {
  const { logger, name } = options;
  const { memberId, clusterId } = identity;
  const { state, flusher, pending, applied, leader, watches, compactions } = local;
  const quotaBytes = options.quotaBytes ?? quotaBytesDefault;
  const shared = { ...local, memberId, name, consensus: node, quotaBytes, logger };
  const reads = new Reads({ ...shared, mvcc: state.mvcc });
  const proposer = new Proposer(shared);
  const maintenance = new Maintenance(shared);
  const guard = new SpaceGuard({ quotaBytes, clock: local.clock });
  const space = new SpaceKeeper({ ...shared, guard, maintenance });
  const housekeeping = new Housekeeping({
    ...shared,
    proposer,
    space,
    clientUrls: options.clientUrls ?? [],
    leaseExtensionMs: electionTimeoutMs(options.timing),
    autoCompaction: options.autoCompaction ?? autoCompactionDefault,
  });
  const corruption = new CorruptionMonitor({
    ...shared,
    proposer,
    reads,
    intervalMs: options.hashCheckIntervalMs ?? hashCheckIntervalMs,
  });
  const snapshots = new SnapshotScheduler({
    ...shared,
    proposer,
    store: {
      hashKv: () => state.mvcc.hashKv(0),
      snapshot: () => maintenance.snapshot(state.mvcc.revision),
    },
    configured: options.snapshotSchedule === undefined ? undefined : checkSchedule(options.snapshotSchedule),
  });
  if (options.registry !== undefined) registerStoreMetrics(options.registry, { guard, snapshots, corruption });
  compactions.start(); // one that a crash cut short

  const close = async (): Promise<void> => {
    await node.stop({ handOver: true });
    await local.machine.close();
    housekeeping.close();
    local.removal.close();
    corruption.close();
    await snapshots.close();
    for (const waiting of [pending, applied, leader]) waiting.failAll({ code: "stopped" });
    watches.close();
    await local.clientAuth.passwords.close();
    await compactions.stop();
    try {
      await flusher.flush();
    } catch (error) {
      logger.error({ error: String(error) }, "the last rows were not written; the log still has them");
    }
    await local.database.close();
  };
  const members = new MembershipRequests({
    ...{ ...shared, reads, membership: state.membership, clusterToken: options.clusterToken },
    nextRequestId: () => proposer.nextRequestId(),
    handOverLeadership: () => maintenance.handOverLeadership(),
  });
  const leases = new LeaseRequests({ ...shared, lessor: state.lessor, proposer, rng: cryptoRng });
  const server = new ReplicatedServer({
    ...shared,
    clusterId,
    proposer,
    reads,
    leases,
    members,
    maintenance,
    space,
    close,
  });
  const { index, term, revision } = local.machine.position;
  const ids = { member: memberIdText(memberId), cluster: memberIdText(clusterId) };
  logger.info({ ...ids, index, term, revision }, "store started");
  return { server, clusterId, memberId, peerAddress: node.peerAddress, close: () => server.close() };
}

/** Lease ids must not repeat over members and restarts: these numbers come from the operating system. */
const cryptoRng: Rng = { next: () => randomInt(2 ** 47) / 2 ** 47, int: (bound) => randomInt(bound) };

/** Raft's defaults: 10 ticks of 50 ms. */
function electionTimeoutMs(timing: Partial<RaftTiming> | undefined): number {
  return (timing?.electionTicks ?? 10) * (timing?.tickMs ?? 50);
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
