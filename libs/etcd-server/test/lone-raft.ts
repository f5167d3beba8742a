import type { Entry } from "@triarch/raft";
import {
  RaftNodeError,
  type LeaderChange,
  type RaftNode,
  type RaftNodeOptions,
  type RaftNodeStatus,
} from "@triarch/raft-node";

/** A log of one member that is kept in memory: every proposal is committed in the next turn. */
export class LoneRaft implements RaftNode {
  readonly term = 2;
  readonly leader: bigint;
  readonly isLeader = true;
  readonly peerAddress = { host: "127.0.0.1", port: 0 };
  readonly #options: RaftNodeOptions;
  #proposed: Uint8Array[] = [];
  #index: number;
  #scheduled = false;
  #stopped = false;

  static start(options: RaftNodeOptions): Promise<RaftNode> {
    return Promise.resolve(new LoneRaft(options));
  }

  constructor(options: RaftNodeOptions) {
    this.#options = options;
    this.leader = options.id;
    this.#index = options.stateMachine.durableIndex();
  }

  propose(data: Uint8Array): "accepted" | "stopped" {
    if (this.#stopped) return "stopped";
    this.#proposed.push(data);
    this.#schedule();
    return "accepted";
  }

  proposeConfChange(): "noLeader" {
    return "noLeader";
  }

  async readIndex(): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.#index;
  }

  async transferLeadership(): Promise<void> {
    return;
  }

  async ask(): Promise<Uint8Array> {
    throw new RaftNodeError("unreachable", "there is nobody else");
  }

  status(): RaftNodeStatus {
    return {
      id: this.leader,
      index: this.#index,
      term: this.term,
      leader: this.leader,
      role: "leader",
      isLearner: false,
      commitIndex: this.#index,
      appliedIndex: this.#index,
      confState: { voters: [this.leader], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      progress: [],
      peers: [],
    };
  }

  onLeaderChange(_handler: (change: LeaderChange) => void): () => void {
    return () => undefined;
  }

  async stop(): Promise<void> {
    this.#apply();
    this.#stopped = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#apply());
  }

  #apply(): void {
    this.#scheduled = false;
    if (this.#stopped || this.#proposed.length === 0) return;
    const entries: Entry[] = this.#proposed.map((data) => {
      this.#index += 1;
      return { term: this.term, index: this.#index, type: "normal", data };
    });
    this.#proposed = [];
    this.#options.stateMachine.apply(entries, { index: this.#index, term: this.term });
  }
}
