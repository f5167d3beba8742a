/**
 * One loop owns Raft. Inputs (ticks, messages, proposals, reads) are stepped as they come; what they cause is worked off
 * once per turn of the event loop, so that everything that arrived in one turn becomes one `Ready`: one write, one sync,
 * one batch of messages per peer.
 *
 * Any failure of disk or state machine ends the node: it stops talking and tells `onFatal`.
 */
import { assert, systemClock, systemTimers } from "@triarch/base";
import type { Clock, Timer, Timers } from "@triarch/base";
import type { ConfChange, ConfState, MemberId, Message, RawNode, Ready, Role } from "@triarch/raft";
import { silentLogger } from "@triarch/telemetry";
import type { Logger } from "@triarch/telemetry";
import { defaultLimits, defaultTiming } from "../limits.ts";
import type { ReceivedSnapshot } from "../transport/snapshot-spool.ts";
import { Transport } from "../transport/transport.ts";
import { RaftNodeError } from "../types.ts";
import type { LeaderChange, ProposeOutcome, RaftNode, RaftNodeOptions, RaftTiming } from "../types.ts";
import type { RaftNodeStatus } from "../types.ts";
import { Applier } from "./applier.ts";
import { membersOf } from "./conf-states.ts";
import { EarlyHeartbeats } from "./early-heartbeats.ts";
import { FastElection } from "./fast-election.ts";
import { HandOver } from "./hand-over.ts";
import { HeartbeatDelay } from "./heartbeat-delay.ts";
import type { RecoveredLog } from "./log-recovery.ts";
import { LogRetention } from "./log-retention.ts";
import type { PeerTransport } from "./peer-transport.ts";
import { Proposals } from "./proposals.ts";
import { openRawNode } from "./raw-node.ts";
import { ReadRequests } from "./read-requests.ts";
import { ReadyWork } from "./ready-work.ts";

/** A log begins with term 1, or 0 for one who joins; the first leader's term is 2. */
const firstLogTerm = 1;

export class Driver implements RaftNode {
  readonly #options: RaftNodeOptions;
  readonly #timing: RaftTiming;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #holdLogAfterSnapshotMs: number;
  readonly #logger: Logger;
  readonly #log: RecoveredLog;
  readonly #raw: RawNode;
  readonly #transport: PeerTransport;
  readonly #applier: Applier;
  readonly #retention: LogRetention;
  readonly #reads: ReadRequests;
  readonly #proposals: Proposals;
  readonly #readyWork: ReadyWork;
  readonly #election: FastElection;
  readonly #handOver: HandOver;
  readonly #heartbeats: HeartbeatDelay | undefined;
  readonly #early: EarlyHeartbeats;
  readonly #leaderHandlers = new Set<(change: LeaderChange) => void>();

  #ticks: Timer | undefined;
  #address = { host: "", port: 0 };
  #state: "running" | "stopped" = "running";
  /** The loop, while there is work. */
  #working: Promise<void> | undefined;
  #ending: Promise<void> | undefined;
  /** As of the last `Ready`. */
  #leader: MemberId = 0n;
  #role: Role = "follower";
  #term: number;
  #confState: ConfState;
  #holdLogUntilMs = 0;
  #toldAway = false;

  constructor(options: RaftNodeOptions, log: RecoveredLog) {
    this.#options = options;
    this.#log = log;
    const limits = { ...defaultLimits, ...options.limits };
    const timing = (this.#timing = { ...defaultTiming, ...options.timing });
    const clock = (this.#clock = options.clock ?? systemClock);
    const timers = (this.#timers = options.timers ?? systemTimers);
    this.#holdLogAfterSnapshotMs = limits.holdLogAfterSnapshotMs;
    const logger = (this.#logger = options.logger ?? silentLogger);
    const { id, clusterId, rng, stateMachine } = options;
    const { storage, wal, snapshot } = log;
    const mode = options.readOnlyOption ?? "safe";

    this.#raw = openRawNode(options, log, { readOnlyOption: mode, timing, limits, logger });
    this.#term = storage.initialState().hardState.term;
    this.#confState = snapshot.confState;
    this.#retention = new LogRetention({ storage, wal, limits, snapshot, onFailed: (error) => this.#fail(error) });
    this.#applier = new Applier({
      ...{ raw: this.#raw, stateMachine, applied: snapshot, skipTo: stateMachine.durableIndex(), logger },
      onConfState: (index, confState) => {
        this.#retention.confChanged(index, confState);
        this.#membersChanged(confState);
      },
    });
    const { measures } = options;
    this.#heartbeats =
      measures && new HeartbeatDelay(timing.heartbeatTicks * timing.tickMs, (ms) => measures.heartbeatDelay(ms));
    const retryMs = timing.electionTicks * timing.tickMs;
    this.#reads = new ReadRequests({ clock, rng, memberId: id, timeoutMs: limits.readIndexTimeoutMs, retryMs });
    this.#proposals = new Proposals({ raw: this.#raw, limits, logger, refused: options.onProposalsRefused });
    this.#handOver = new HandOver({ timeoutMs: 2 * retryMs, raw: this.#raw, timers, changed: () => this.#schedule() });
    this.#election = new FastElection({
      enabled: mode === "safe",
      patienceMs: 2 * timing.tickMs,
      ...{ rng, timers },
      leader: () => this.#raw.status().leader,
      forgetLeader: () => this.#step(() => this.#raw.forgetLeader()),
      campaign: () => this.#step(() => this.#raw.campaign()),
    });
    const urls = new Map(options.initialMembers.map((member) => [member.id, member.peerUrl]));
    const createTransport = options.transport ?? ((own, handlers) => new Transport(own, handlers));
    this.#transport = createTransport(
      {
        ...{ own: { clusterId, memberId: id }, listen: options.listen, tls: options.tls, limits, clock, rng, logger },
        peerUrlOf: options.peerUrlOf ?? ((peer) => urls.get(peer)),
        isRemoved: (peer) => options.isRemoved?.(peer) ?? false,
        isFresh: () => this.#raw.status().term <= firstLogTerm,
        hasStarted: (peer) => options.hasStarted?.(peer) ?? false,
        spoolPath: `${options.dir}/incoming-snapshot`,
      },
      {
        onMessages: (messages) => this.#receive(messages),
        onSnapshot: (arrived) => this.#receiveSnapshot(arrived),
        onQuestion: async (from, payload) => {
          if (options.onQuestion === undefined) throw new RaftNodeError("unreachable", "nobody answers questions here");
          return options.onQuestion(from, payload);
        },
        onStateWanted: (peer) => this.#readyWork.stateFor(peer, this.#term),
        onUnreachable: (peer) => this.#step(() => this.#raw.reportUnreachable(peer)),
        onSnapshotSent: (peer, ok) => this.#snapshotSent(peer, ok),
        onPeerLost: (peer) => {
          if (this.#state === "running") this.#election.peerLost(peer);
        },
        onTurnedAway: (why, refusal) => this.#turnedAway(why, refusal),
        onPeerConnected: () => {
          const connected = this.#confState.voters.filter((voter) => this.#transport.isConnected(voter)).length;
          if ((connected + 1) * 2 > this.#confState.voters.length) this.#election.quorumConnected();
        },
      },
    );
    this.#early = new EarlyHeartbeats(this.#raw, timing.electionTicks, (messages) =>
      this.#transport.send(messages, this.#term),
    );
    this.#readyWork = new ReadyWork({
      ...{ raw: this.#raw, log, transport: this.#transport, applier: this.#applier, retention: this.#retention },
      ...{ stateMachine, logger, clock, measures },
      onSoftState: (softState) => this.#rolesChanged(softState),
      onReadStates: (states) => this.#reads.answered(states),
      onInstalled: ({ confState }) => this.#membersChanged(confState),
    });
  }

  async start(): Promise<void> {
    this.#address = await this.#transport.start();
    this.#membersChanged(this.#confState);
    // A new member knows no configuration yet, only addresses.
    if (this.#options.join === true && membersOf(this.#confState).length === 0)
      this.#transport.connect(this.#options.initialMembers.map((member) => member.id));
    this.#ticks = this.#timers.every(this.#timing.tickMs, () => this.#tick());
    const { voters } = this.#confState;
    if (voters.length === 1 && voters[0] === this.#options.id) this.#raw.campaign();
    this.#schedule();
  }

  get term(): number {
    return this.#term;
  }

  get leader(): MemberId {
    return this.#leader;
  }

  get isLeader(): boolean {
    return this.#role === "leader";
  }

  get peerAddress(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  propose(data: Uint8Array): ProposeOutcome {
    assert(data.length > 0, "an empty proposal is Raft's own");
    if (this.#state === "stopped") return "stopped";
    if (this.#leader === 0n) return "noLeader";
    if (!this.#proposals.add(data, this.#term)) return "overloaded";
    this.#schedule();
    return "accepted";
  }

  proposeConfChange(change: ConfChange, options: { readonly asLeader?: boolean } = {}): ProposeOutcome {
    if (this.#state === "stopped") return "stopped";
    if (options.asLeader === true && this.#raw.status().role !== "leader") return "noLeader";
    const outcome = this.#raw.proposeConfChange(change);
    this.#schedule();
    if (outcome === "appended" || outcome === "forwarded") return "accepted";
    return outcome === "tooManyUncommittedBytes" ? "overloaded" : "noLeader";
  }

  async readIndex(): Promise<number> {
    if (this.#state === "stopped") throw new RaftNodeError("stopped", "the node has stopped");
    const index = this.#reads.read();
    this.#schedule();
    return index;
  }

  async transferLeadership(to: MemberId): Promise<void> {
    if (this.#state === "stopped") throw new RaftNodeError("stopped", "the node has stopped");
    return this.#handOver.to(to);
  }

  async ask(to: MemberId, payload: Uint8Array, { timeoutMs }: { readonly timeoutMs: number }): Promise<Uint8Array> {
    if (this.#state === "stopped") throw new RaftNodeError("stopped", "the node has stopped");
    return this.#transport.ask(to, payload, timeoutMs);
  }

  status(): RaftNodeStatus {
    const { term, commit, leader, role, confState, progress, lastIndex, id } = this.#raw.status();
    return {
      ...{ id, leader, role, term, index: lastIndex, commitIndex: commit, appliedIndex: this.#applier.applied.index },
      ...{ isLearner: confState.learners.includes(id), confState, progress, peers: this.#transport.links() },
    };
  }

  onLeaderChange(handler: (change: LeaderChange) => void): () => void {
    this.#leaderHandlers.add(handler);
    return () => this.#leaderHandlers.delete(handler);
  }

  async stop(options: { readonly handOver?: boolean } = {}): Promise<void> {
    if (this.#state === "running" && options.handOver === true) {
      await this.#handOver.toAnyone((id) => this.#transport.isConnected(id));
    }
    this.#halt(new RaftNodeError("stopped", "the node has stopped"));
    // Who stops it again meanwhile waits for the same end.
    return (this.#ending ??= this.#end());
  }

  async #end(): Promise<void> {
    await this.#working;
    await this.#transport.close();
    await this.#retention.idle();
    await this.#log.wal.close();
  }

  #tick(): void {
    this.#reads.expire(this.#leader);
    this.#early.tick();
    this.#step(() => this.#raw.tick());
  }

  #step(input: () => void): void {
    if (this.#state === "stopped") return;
    try {
      input();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#early.send();
    this.#schedule();
  }

  #receive(messages: readonly Message[]): void {
    this.#step(() => {
      for (const message of messages) {
        if (message.type === "MsgHeartbeat") this.#heartbeats?.heard(message.from, this.#clock.monotonicMs());
        if (message.type === "MsgProp") this.#proposals.forwarded(message);
        else if (message.type !== "MsgSnap") this.#raw.step(message);
      }
    });
  }

  async #receiveSnapshot(snapshot: ReceivedSnapshot): Promise<void> {
    if (this.#state === "stopped") throw new RaftNodeError("stopped", "the node has stopped");
    const taken = this.#readyWork.arrive(snapshot);
    this.#step(() => this.#raw.step(snapshot.message));
    await taken;
  }

  #snapshotSent(peer: MemberId, ok: boolean): void {
    this.#holdLogUntilMs = this.#clock.monotonicMs() + this.#holdLogAfterSnapshotMs;
    this.#step(() => this.#raw.reportSnapshot(peer, ok));
  }

  #schedule(): void {
    if (this.#working !== undefined || this.#state === "stopped") return;
    this.#working = this.#work();
  }

  async #work(): Promise<void> {
    try {
      do {
        await this.#timers.nextTurn();
        if (this.#state === "stopped") return;
        this.#flushInputs();
        const { arrived } = this.#readyWork;
        if (this.#raw.hasReady()) await this.#process(this.#raw.ready());
        // Either it was installed just now, or Raft did not want it.
        if (arrived !== undefined) this.#readyWork.release(arrived);
      } while (this.#hasWork());
    } catch (error) {
      this.#fail(error);
    } finally {
      // Within the turn of the last look for work, so that no later input is missed.
      this.#working = undefined;
    }
  }

  async #process(ready: Ready): Promise<void> {
    if (ready.hardState !== undefined) this.#term = ready.hardState.term;
    this.#early.readyBegins();
    await this.#readyWork.run(ready, this.#term);
    const held = this.#transport.snapshotsOnTheirWay > 0 || this.#clock.monotonicMs() < this.#holdLogUntilMs;
    const durableIndex = Math.min(this.#options.stateMachine.durableIndex(), this.#applier.applied.index);
    await this.#retention.work(durableIndex, held);
  }

  #hasWork(): boolean {
    const readsCanGo = this.#leader !== 0n && this.#reads.canAsk;
    return !this.#proposals.isEmpty || readsCanGo || this.#readyWork.arrived !== undefined || this.#raw.hasReady();
  }

  #flushInputs(): void {
    this.#proposals.propose();
    const context = this.#reads.next(this.#leader);
    if (context !== undefined) this.#raw.readIndex(context);
  }

  #rolesChanged({ leader, role }: { readonly leader: MemberId; readonly role: Role }): void {
    const changed = leader !== this.#leader;
    this.#leader = leader;
    this.#role = role;
    if (!changed) return;
    this.#reads.leaderChanged();
    this.#handOver.leaderChanged(leader);
    this.#logger.info({ leader: leader.toString(16), term: this.#term, role }, "leader changed");
    for (const handler of this.#leaderHandlers) handler({ leader, term: this.#term });
  }

  #membersChanged(confState: ConfState): void {
    this.#confState = confState;
    this.#transport.setMembers(membersOf(confState));
  }

  #turnedAway(why: "removed" | "lostLog", refusal: string): void {
    if (this.#state === "stopped" || this.#toldAway) return;
    this.#toldAway = true;
    this.#logger.error({ why, refusal }, "the other members will not have this one again");
    if (why === "removed") this.#options.onRemoved?.(refusal);
    else this.#fail(new RaftNodeError("lostLog", refusal));
  }

  #halt(error: RaftNodeError): void {
    this.#state = "stopped";
    this.#ticks?.cancel();
    this.#election.stop();
    this.#handOver.stop();
    this.#reads.failAll(error);
    this.#readyWork.stop(error);
  }

  #fail(error: unknown): void {
    if (this.#state === "stopped") return;
    const cause = error instanceof Error ? error : new Error(String(error));
    this.#logger.error({ error: cause.stack ?? cause.message }, "the Raft node cannot go on");
    this.#halt(new RaftNodeError("stopped", cause.message, { cause }));
    void this.#transport.close();
    this.#options.onFatal(cause);
  }
}
