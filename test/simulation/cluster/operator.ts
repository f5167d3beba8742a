/**
 * Who runs the cluster: starts members whose process has ended, changes the membership, and replaces a member whose log
 * is lost by a new one under a new id. One change at a time, and only what leaves enough voters with their logs whole:
 * a cluster that has lost a quorum of its logs is lost, and no test of anything.
 */
import type { ConfChangeSingle, ConfChangeTransition, MemberId } from "@triarch/raft";
import type { Cluster } from "./cluster.ts";
import type { Member } from "./member.ts";

const votersMin = 3;
const votersMax = 5;
const membersMax = 7;
/** How often it looks. */
const lookEveryMs = 150;

export class Operator {
  readonly #cluster: Cluster;
  readonly #changesMembership: boolean;
  /** Its log is, or may be, lost; it must be replaced. */
  #lost: Member | undefined;
  #replacement: Member | undefined;
  /** The log index that the last proposed change has, if it gets in. */
  #proposedAt = 0;
  /** Removed, or about to be: not started any more. */
  readonly #retired = new Set<Member>();
  #isCalm = false;
  #restLeftMs = 0;

  constructor(cluster: Cluster, changesMembership: boolean) {
    this.#cluster = cluster;
    this.#changesMembership = changesMembership;
  }

  begin(): void {
    this.#cluster.world.after(lookEveryMs, () => {
      this.#look();
      this.begin();
    });
  }

  /** Only what must be done is done from now on. */
  calm(): void {
    this.#isCalm = true;
  }

  /** Nothing is left to do. */
  get isDone(): boolean {
    return this.#lost === undefined && this.#isSettled && this.#cluster.membership.newest.votersOutgoing.length === 0;
  }

  mayRun(member: Member): boolean {
    return !this.#retired.has(member) && member.state !== "ruined";
  }

  startLater(member: Member): void {
    const { world } = this.#cluster;
    world.after(world.between(20, world.chance(0.2) ? 6_000 : 1_500), () => {
      if (this.mayRun(member)) void member.start();
    });
  }

  /** May `member`'s log be lost now? If so it counts as lost from now on. */
  takeLossOf(member: Member): boolean {
    const { voters, votersOutgoing, learners } = this.#cluster.membership.newest;
    if (this.#lost !== undefined || this.#replacement !== undefined || !this.#isSettled) return false;
    if (votersOutgoing.length > 0 || voters.length < votersMin || this.#cluster.members.size > 8) return false;
    if (!voters.includes(member.id) && !learners.includes(member.id)) return false;
    if (!this.#othersKnowMembership(member)) return false;
    this.#lost = member;
    return true;
  }

  /**
   * After restarts too. A member goes by the configuration that it knows to be committed: if the others went back to one
   * with members that are gone, they would wait for those, and cannot also do without `member`.
   */
  #othersKnowMembership(member: Member): boolean {
    const { newest, newestIndex } = this.#cluster.membership;
    return newest.voters.every((id) => {
      const other = this.#cluster.members.get(id);
      return id === member.id || (other?.machine?.durableIndex() ?? 0) >= newestIndex;
    });
  }

  /** It was not lost after all. */
  keep(member: Member): void {
    if (this.#lost === member) this.#lost = undefined;
  }

  /** What was proposed is applied somewhere, or its place in the log was taken by something else. */
  get #isSettled(): boolean {
    return this.#cluster.agreed.highestIndex >= this.#proposedAt;
  }

  #look(): void {
    const { members, leader, membership } = this.#cluster;
    for (const member of members.values()) {
      if (member.state === "stopped" && this.#isCalm && this.mayRun(member)) void member.start();
    }
    this.#retireRemoved();
    this.#restLeftMs -= lookEveryMs;
    if (!this.#isSettled || leader?.node === undefined) return;
    const { confState } = leader.node.status();
    const isJoint = confState.votersOutgoing.length > 0;
    if (isJoint && !confState.autoLeave) return this.#leaveJoint(leader);
    if (isJoint || membership.newest.votersOutgoing.length > 0) return;
    if (this.#lost !== undefined) return this.#replaceLost(leader, this.#lost);
    if (this.#isCalm || !this.#changesMembership || this.#restLeftMs > 0) return;
    this.#restLeftMs = this.#cluster.world.between(200, 2_500);
    this.#changeSomething(leader);
  }

  /** The new member first, as a learner; then the lost one goes; then the new one votes. */
  #replaceLost(leader: Member, lost: Member): void {
    const { voters, learners } = this.#cluster.membership.newest;
    if (lost.state !== "ruined") {
      // The fault was taken but has not shown itself: a disk that was never synced again.
      if (this.#isCalm && lost.state === "running" && !lost.disk.failsNextSync) this.#lost = undefined;
      return;
    }
    if (voters.includes(lost.id) || learners.includes(lost.id)) {
      this.#propose(leader, [{ type: "removeNode", nodeId: lost.id }]);
      return;
    }
    this.#replacement ??= this.#cluster.addNew();
    const { id } = this.#replacement;
    if (!voters.includes(id) && !learners.includes(id)) return this.#addLearner(leader, this.#replacement);
    if (learners.includes(id)) return this.#promote(leader, id);
    this.#cluster.coverage.add("membersReplaced");
    this.#lost = undefined;
    this.#replacement = undefined;
  }

  #changeSomething(leader: Member): void {
    const { world, membership } = this.#cluster;
    const { voters, learners } = membership.newest;
    const choice = world.rng.int(6);
    const learner = world.pick(learners);
    if (choice === 0 && voters.length + learners.length < membersMax && this.#cluster.members.size < 9) {
      return this.#addLearner(leader, this.#spare());
    }
    if (choice === 1 && learner !== undefined && voters.length < votersMax) return this.#promote(leader, learner);
    if (choice === 2 && voters.length > votersMin) return this.#remove(leader, world.pick(voters));
    if (choice === 3 && voters.length > votersMin) return this.#remove(leader, leader.id);
    if (choice === 4) return this.#remove(leader, learner);
    if (choice === 5) this.#jointChange(leader);
  }

  /** A machine that never became a member, or a new one. */
  #spare(): Member {
    const { voters, learners } = this.#cluster.membership.newest;
    const unused = [...this.#cluster.members.values()].find((member) => {
      return this.mayRun(member) && !voters.includes(member.id) && !learners.includes(member.id);
    });
    return unused ?? this.#cluster.addNew();
  }

  #addLearner(leader: Member, member: Member): void {
    void member.start();
    this.#propose(leader, [{ type: "addLearnerNode", nodeId: member.id }], () => "learnersAdded");
  }

  /** Only one that keeps up. */
  #promote(leader: Member, id: MemberId): void {
    const status = leader.node?.status();
    const progress = status?.progress.find((member) => member.id === id);
    if (status === undefined || progress === undefined || progress.match + 20 < status.commitIndex) return;
    this.#propose(leader, [{ type: "addNode", nodeId: id }], () => "promotions");
  }

  #remove(leader: Member, id: MemberId | undefined): void {
    if (id === undefined) return;
    this.#propose(leader, [{ type: "removeNode", nodeId: id }], () =>
      id === leader.id ? "leaderRemovals" : "removals",
    );
  }

  /** Several at once: one voter goes or becomes a learner, a learner becomes a voter. */
  #jointChange(leader: Member): void {
    const { world, membership } = this.#cluster;
    const { voters, learners } = membership.newest;
    const changes: ConfChangeSingle[] = [];
    const learner = world.pick(learners);
    if (learner !== undefined) changes.push({ type: "addNode", nodeId: learner });
    const voter = world.pick(voters);
    if (voter !== undefined && voters.length + changes.length > votersMin) {
      changes.push({ type: world.chance(0.5) ? "removeNode" : "addLearnerNode", nodeId: voter });
    }
    if (changes.length === 0) return;
    const transition = world.chance(0.5) ? "jointExplicit" : "jointImplicit";
    this.#propose(leader, changes, () => "jointChanges", transition);
  }

  #leaveJoint(leader: Member): void {
    if (!this.#isCalm && this.#cluster.world.chance(0.7)) return;
    this.#propose(leader, [], () => "jointChangesLeftExplicitly");
  }

  #propose(
    leader: Member,
    changes: readonly ConfChangeSingle[],
    counted?: () =>
      "learnersAdded" | "promotions" | "removals" | "leaderRemovals" | "jointChanges" | "jointChangesLeftExplicitly",
    transition: ConfChangeTransition = "auto",
  ): void {
    const { node } = leader;
    if (node === undefined) return;
    const context = new Uint8Array(0);
    const outcome = node.proposeConfChange({ version: 2, transition, changes, context });
    const what = changes.map(({ type, nodeId }) => `${type} ${nodeId.toString()}`).join(", ");
    this.#cluster.world.trace(`operator asks ${leader.id.toString()}: ${what || "leave"} ${transition}: ${outcome}`);
    if (outcome !== "accepted") return;
    this.#proposedAt = Math.max(this.#proposedAt, node.status().index);
    if (counted !== undefined) this.#cluster.coverage.add(counted());
  }

  /** Who is in no configuration any more is switched off after a while. */
  #retireRemoved(): void {
    const { members, membership, world } = this.#cluster;
    const { voters, learners, votersOutgoing, learnersNext } = membership.newest;
    const configured = new Set([...voters, ...learners, ...votersOutgoing, ...learnersNext]);
    for (const member of members.values()) {
      const wasMember = member.machine !== undefined && member.machine.state.index > 0;
      if (configured.has(member.id) || this.#retired.has(member) || !wasMember || !this.#isSettled) continue;
      this.#retired.add(member);
      world.after(world.between(0, 4_000), () => member.crash("exit"));
    }
  }
}
