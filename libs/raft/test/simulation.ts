/**
 * A run of random events with checkers for what Raft promises, one per promise:
 *
 * P1. At most one leader per term. P2. What one member applied at an index, every member applies there. P3. A committed
 * entry is never lost: what anyone applied is in the log of every later leader. P4. A read's index is at least every
 * index that was committed when it was asked. P5. After the faults end, a proposal gets through everywhere.
 */
import { utf8, utf8Text } from "@triarch/base";
import { emptyConfState } from "../src/index.ts";
import type { ConfChangeSingle, MemberId } from "../src/index.ts";
import { Cluster } from "./cluster.ts";
import type { ClusterOptions, Member } from "./cluster.ts";

export interface SimulationOptions extends ClusterOptions {
  readonly seed: number;
  readonly members: number;
  readonly steps: number;
  readonly changesMembership: boolean;
}

export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
}

export class Simulation {
  readonly #cluster: Cluster;
  readonly #options: SimulationOptions;
  readonly #leaders = new Map<number, MemberId>();
  /** P2: by index. */
  readonly #agreed = new Map<number, string>();
  #highestApplied = 1;
  readonly #readFloors = new Map<string, number>();
  readonly #checked = new Map<MemberId, number>();
  #proposals = 0;
  #reads = 0;
  readReplies = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#cluster = new Cluster(options.members, options);
  }

  run(): void {
    for (let step = 0; step < this.#options.steps; step++) {
      this.#randomEvent();
      this.#check();
    }
    this.#heal();
  }

  get appliedCount(): number {
    return this.#agreed.size;
  }

  #randomEvent(): void {
    const cluster = this.#cluster;
    const { rng } = cluster;
    const ids = [...cluster.members.keys()];
    const member = cluster.member(ids[rng.int(ids.length)] as MemberId);
    const dice = rng.int(1000);
    if (dice < 350) this.#work(member);
    else if (dice < 650) this.#deliverSome();
    else if (dice < 850) member.raft.tick();
    else if (dice < 925) member.raft.propose(utf8(`p${++this.#proposals}`));
    else if (dice < 955) this.#read(member);
    else if (dice < 962) this.#crash(member);
    else if (dice < 970) this.#partition(ids);
    else if (dice < 980) cluster.groups = [];
    else if (dice < 985) this.#compact(member);
    else if (dice < 988) member.raft.transferLeadership(ids[rng.int(ids.length)] as MemberId);
    else if (dice < 990) member.raft.forgetLeader();
    else if (dice < 994) member.raft.reportUnreachable(ids[rng.int(ids.length)] as MemberId);
    else if (this.#options.changesMembership) this.#changeMembership(member, ids);
  }

  #work(member: Member): void {
    const choice = this.#cluster.rng.int(3);
    if (choice === 0 && member.appendWork.length > 0) this.#cluster.handleAppendWork(member);
    else if (choice === 1 && member.applyWork.length > 0) this.#cluster.handleApplyWork(member);
    else if (member.raft.hasReady()) this.#cluster.handleReady(member, this.#cluster.rng.int(100) === 0);
  }

  /** In any order, some twice, some never. */
  #deliverSome(): void {
    const { network, rng } = this.#cluster;
    for (let i = 0; i < 4 && network.length > 0; i++) {
      const at = rng.int(10) < 8 ? 0 : rng.int(network.length);
      const [message] = network.splice(at, 1);
      if (message === undefined) return;
      const fate = rng.int(100);
      if (fate < 4) {
        if (message.type === "MsgSnap") this.#cluster.members.get(message.from)?.raft.reportSnapshot(message.to, false);
        continue;
      }
      if (fate < 8) network.push(message);
      this.#cluster.deliver(message);
    }
  }

  #read(member: Member): void {
    const name = `${member.id.toString()}/${++this.#reads}`;
    this.#readFloors.set(name, this.#highestApplied);
    member.raft.readIndex(utf8(name));
  }

  #crash(member: Member): void {
    member.restart(this.#cluster.rng);
  }

  #partition(ids: readonly MemberId[]): void {
    const { rng } = this.#cluster;
    const groups = [new Set<MemberId>(), new Set<MemberId>()];
    for (const id of ids) groups[rng.int(2)]?.add(id);
    this.#cluster.groups = groups;
  }

  #compact(member: Member): void {
    const { disk, appliedIndex } = member;
    if (appliedIndex <= disk.snapshot().index) return;
    member.makeSnapshot();
    if (appliedIndex > disk.firstIndex()) disk.compact(appliedIndex - this.#cluster.rng.int(2));
  }

  #changeMembership(member: Member, ids: readonly MemberId[]): void {
    const { rng } = this.#cluster;
    const { confState } = member.raft.status();
    if (confState.votersOutgoing.length > 0 && rng.int(2) === 0) {
      member.raft.proposeConfChange({ version: 2, transition: "auto", changes: [], context: new Uint8Array(0) });
      return;
    }
    const fresh = ids.length < 7 ? BigInt(ids.length + 1) : undefined;
    const pick = (): MemberId => ids[rng.int(ids.length)] as MemberId;
    const changes: ConfChangeSingle[] = [];
    for (let i = rng.int(2); i >= 0; i--) {
      const kind = rng.int(4);
      if (kind === 0 && confState.voters.length > 2) changes.push({ type: "removeNode", nodeId: pick() });
      else if (kind === 1) changes.push({ type: "addLearnerNode", nodeId: fresh ?? pick() });
      else changes.push({ type: "addNode", nodeId: fresh ?? pick() });
    }
    // Those who leave must not be needed for a majority of the old configuration: if the change's commit is not known
    // everywhere when they are gone, the others cannot finish it (README, limits).
    const leaving = new Set(changes.filter(({ type }) => type !== "addNode").map(({ nodeId }) => nodeId));
    const staying = confState.voters.filter((id) => !leaving.has(id)).length;
    if (staying * 2 <= confState.voters.length) return;
    if (fresh !== undefined && !this.#cluster.members.has(fresh)) this.#cluster.add(fresh, emptyConfState);
    const transition = rng.int(3) === 0 ? "jointExplicit" : "jointImplicit";
    member.raft.proposeConfChange({ version: 2, transition, changes, context: new Uint8Array(0) });
  }

  #check(): void {
    for (const member of this.#cluster.members.values()) {
      const { role, term, id } = member.raft.status();
      if (role === "leader") this.#checkLeader(member, term, id);
      this.#checkApplied(member);
      for (const read of member.reads.splice(0)) {
        const name = utf8Text(read.requestContext);
        const floor = this.#readFloors.get(name) ?? 0;
        if (read.index < floor) throw this.#failure(`P4: read ${name} at ${read.index}, committed was ${floor}`);
        this.readReplies += 1;
      }
    }
  }

  #checkLeader(member: Member, term: number, id: MemberId): void {
    const known = this.#leaders.get(term);
    if (known === id) return;
    if (known !== undefined) throw this.#failure(`P1: ${known.toString()} and ${id.toString()} lead term ${term}`);
    this.#leaders.set(term, id);
    const { lastIndex } = member.raft.status();
    if (lastIndex < this.#highestApplied)
      throw this.#failure(`P3: leader of term ${term} ends at ${lastIndex} < ${this.#highestApplied}`);
  }

  #checkApplied(member: Member): void {
    const from = Math.min(this.#checked.get(member.id) ?? 0, member.applied.length);
    for (const entry of member.applied.slice(from)) {
      const text = `${entry.term} ${entry.text}`;
      const agreed = this.#agreed.get(entry.index);
      if (agreed === undefined) this.#agreed.set(entry.index, text);
      else if (agreed !== text) throw this.#failure(`P2: at ${entry.index} "${agreed}" and "${text}"`);
      this.#highestApplied = Math.max(this.#highestApplied, entry.index);
    }
    this.#checked.set(member.id, member.applied.length);
  }

  #heal(): void {
    const cluster = this.#cluster;
    cluster.groups = [];
    const before = this.#highestApplied;
    for (let round = 0; round < 400; round++) {
      for (const member of cluster.members.values()) member.raft.tick();
      cluster.run(50);
      this.#check();
      const leader = [...cluster.members.values()].find((member) => member.raft.status().role === "leader");
      if (round % 20 === 19) leader?.raft.propose(utf8(`healed${round}`));
      if (this.#highestApplied > before && leader && this.#caughtUp(leader)) return;
    }
    throw this.#failure(`P5: no progress after the faults ended:\n${this.#picture()}`);
  }

  /** Every member of the leader's configuration applied what the leader did. */
  #caughtUp(leader: Member): boolean {
    const { confState } = leader.raft.status();
    const ids = [...confState.voters, ...confState.votersOutgoing, ...confState.learners];
    return ids.every((id) => this.#cluster.member(id).appliedIndex === leader.appliedIndex);
  }

  #picture(): string {
    const lines = [...this.#cluster.members.values()].map((member) => {
      const { id, role, term, commit, lastIndex, leader, confState } = member.raft.status();
      return `${id.toString()} ${role} of ${leader.toString()} term ${term} commit ${commit} last ${lastIndex} voters ${confState.voters.join()}/${confState.votersOutgoing.join()}`;
    });
    return lines.join("\n");
  }

  #failure(text: string): SimulationFailure {
    return new SimulationFailure(`${text} (seed ${this.#options.seed})`);
  }
}
