/** All members of one run, the network between them, and what looks on. */
import type { ConfState, MemberId } from "@triarch/raft";
import { defaultLimits } from "@triarch/raft-node";
import type { InitialMember } from "@triarch/raft-node";
import { AcknowledgedWrites } from "../checkers/acknowledged-writes.ts";
import { AgreedLog } from "../checkers/agreed-log.ts";
import { AppliedOnce } from "../checkers/applied-once.ts";
import { CommitQuorum } from "../checkers/commit-quorum.ts";
import { DurablePromises } from "../checkers/durable-promises.ts";
import { ElectionQuorum } from "../checkers/election-quorum.ts";
import { LeaderCompleteness } from "../checkers/leader-completeness.ts";
import { LinearizableReads } from "../checkers/linearizable-reads.ts";
import { LogMatching } from "../checkers/log-matching.ts";
import { MembershipSafety } from "../checkers/membership-safety.ts";
import { OneLeaderPerTerm } from "../checkers/one-leader-per-term.ts";
import type { Report } from "../checkers/report.ts";
import { StateMachineSafety } from "../checkers/state-machine-safety.ts";
import { Network } from "../world/network.ts";
import type { World } from "../world/world.ts";
import { Coverage } from "./coverage.ts";
import { CoverageObserver } from "./coverage-observer.ts";
import { Member } from "./member.ts";
import type { MemberOptions } from "./member.ts";
import type { Observer } from "./observer.ts";
import { toAll } from "./to-all.ts";
import type { RunPlan } from "./plan.ts";

export interface ClusterEvents {
  readonly onProgress: (member: Member) => void;
  readonly onRefused: (payloads: readonly Uint8Array[]) => void;
  readonly onProcessEnded: (member: Member) => void;
}

export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly coverage = new Coverage();
  readonly observer: Observer;
  readonly agreed = new AgreedLog();
  readonly reads: LinearizableReads;
  readonly membership: MembershipSafety;
  readonly members = new Map<MemberId, Member>();
  readonly report: Report;
  readonly #plan: RunPlan;
  readonly #events: ClusterEvents;
  readonly #initialMembers: readonly InitialMember[];

  constructor(world: World, plan: RunPlan, events: ClusterEvents) {
    this.world = world;
    this.network = new Network(world);
    this.#plan = plan;
    this.#events = events;
    const report: Report = (this.report = (checker, text) => world.violate(checker, text));
    const ids = Array.from({ length: plan.memberCount }, (_, i) => BigInt(i + 1));
    this.#initialMembers = ids.map((id) => ({ id, peerUrl: `http://member-${id.toString()}` }));
    const confState: ConfState = { voters: ids, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
    this.reads = new LinearizableReads(report);
    this.membership = new MembershipSafety(report, { index: ids.length, confState });
    this.observer = toAll([
      new OneLeaderPerTerm(report),
      new ElectionQuorum(report),
      new LogMatching(report),
      new CommitQuorum(report),
      new LeaderCompleteness(report, this.agreed),
      new StateMachineSafety(report, this.agreed),
      new AppliedOnce(report),
      new AcknowledgedWrites(report),
      this.reads,
      this.membership,
      new DurablePromises(report),
      new CoverageObserver(this.coverage),
      // Last: the others compare with what was agreed before.
      this.agreed,
    ]);
    for (const id of ids) this.#add(id, false);
  }

  /** A new machine that waits to be made a member. */
  addNew(): Member {
    const id = [...this.members.keys()].reduce((left, right) => (left > right ? left : right)) + 1n;
    return this.#add(id, true);
  }

  get running(): readonly Member[] {
    return [...this.members.values()].filter(({ state }) => state === "running");
  }

  /** Who says that it leads, the newest term if several do. */
  get leader(): Member | undefined {
    const leaders = this.running.filter(({ node, process }) => node?.isLeader === true && !process.paused);
    return leaders.sort((left, right) => (right.node?.term ?? 0) - (left.node?.term ?? 0))[0];
  }

  /** Everyone in the newest configuration that anyone has. */
  get configured(): readonly Member[] {
    const { voters, learners, votersOutgoing, learnersNext } = this.membership.newest;
    const ids = new Set([...voters, ...learners, ...votersOutgoing, ...learnersNext]);
    return [...ids].flatMap((id) => this.members.get(id) ?? []);
  }

  /** Adds what disks and network have counted to the report. */
  countWorld(): void {
    const { lost, duplicated, reordered, refusedPeers, snapshotsAborted } = this.network.reached;
    this.coverage.add("snapshotsAborted", snapshotsAborted);
    this.coverage.add("messagesLost", lost);
    this.coverage.add("messagesDuplicated", duplicated);
    this.coverage.add("messagesReordered", reordered);
    this.coverage.add("removedPeersRefused", refusedPeers);
    for (const { disk } of this.members.values()) this.coverage.add("slowSyncs", disk.reached.slowSyncs);
  }

  #add(id: MemberId, join: boolean): Member {
    const { limits, timing, segmentSizeBytes } = this.#plan;
    const raft: MemberOptions["raft"] = {
      ...{ initialMembers: join ? [] : this.#initialMembers, join, timing, segmentSizeBytes },
      limits: { ...defaultLimits, ...limits },
    };
    const { network, observer, coverage, report } = this;
    const member = new Member({ id, network, observer, coverage, report, raft, ...this.#events });
    this.members.set(id, member);
    return member;
  }
}
