import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "@triarch/base";
import {
  MemberAddResponse,
  MemberPromoteResponse,
  MemberRemoveResponse,
  MemberReplaceResponse,
  MemberUpdateResponse,
  type MemberAddRequest,
  type MemberPromoteRequest,
  type MemberRemoveRequest,
  type MemberReplaceRequest,
  type MemberUpdateRequest,
} from "@triarch/etcd-proto";
import type { Logger } from "@triarch/telemetry";
import type { Consensus } from "../server/consensus.ts";
import { EtcdServerError } from "../server/errors.ts";
import type { LeaderWaiter } from "../server/leader-waiter.ts";
import { leaderRetryMs } from "../server/limits.ts";
import type { PeerCallName, PeerCalls, PeerRequest, PeerResponse } from "../server/peer-calls.ts";
import type { PendingProposals } from "../server/pending-proposals.ts";
import type { Reads } from "../server/reads.ts";
import type { StoreMember } from "../store-client.ts";
import { confChangeOf, type MemberChange } from "./member-changes.ts";
import { joiningMemberIdOf, memberIdText } from "./member-ids.ts";
import {
  checkAdd,
  checkPeerUrls,
  checkPromote,
  checkRemove,
  checkReplace,
  checkUpdate,
  type ClusterView,
} from "./member-rules.ts";
import type { Membership } from "./membership.ts";

export interface MembershipRequestsOptions {
  readonly memberId: bigint;
  readonly clusterToken: string;
  readonly membership: Membership;
  readonly consensus: Consensus;
  readonly reads: Pick<Reads, "barrier">;
  readonly leader: LeaderWaiter;
  readonly pending: PendingProposals;
  readonly nextRequestId: () => bigint;
  readonly peerCalls: PeerCalls;
  /** Gives leadership to another voter, if there is one that takes it. */
  readonly handOverLeadership: () => Promise<void>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Between looks at whether a joint configuration was left. */
const jointRetryMs = 20;

/**
 * Changes of membership, on any member: the leader is asked, and only the leader puts them into the log.
 *
 * I1. One after the other: a change is checked against the membership as of everything before it in the log, and goes
 *     into the log in the same turn. So what was checked is what it will meet when it is applied, on every member.
 * I2. A change whose fate is unknown is never asked for again here.
 */
export class MembershipRequests {
  readonly #options: MembershipRequestsOptions;
  /** The last of those that wait their turn. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: MembershipRequestsOptions) {
    this.#options = options;
    const { peerCalls } = options;
    peerCalls.serve("memberAdd", (request) => this.#add(request));
    peerCalls.serve("memberRemove", (request) => this.#remove(request));
    peerCalls.serve("memberUpdate", (request) => this.#update(request));
    peerCalls.serve("memberPromote", (request) => this.#promote(request));
    peerCalls.serve("memberReplace", (request) => this.#replace(request));
  }

  /** @throws EtcdServerError see `member-rules.ts`; "noLeader" | "timeout" | "unreachable" | "stopped" */
  add(request: MemberAddRequest): Promise<MemberAddResponse> {
    return this.#atLeader("memberAdd", request, (own) => this.#add(own));
  }

  /** @throws as `add` */
  remove(request: MemberRemoveRequest): Promise<MemberRemoveResponse> {
    return this.#atLeader("memberRemove", request, (own) => this.#remove(own));
  }

  /** @throws as `add` */
  update(request: MemberUpdateRequest): Promise<MemberUpdateResponse> {
    return this.#atLeader("memberUpdate", request, (own) => this.#update(own));
  }

  /** @throws as `add` */
  promote(request: MemberPromoteRequest): Promise<MemberPromoteResponse> {
    return this.#atLeader("memberPromote", request, (own) => this.#promote(own));
  }

  /** A learner takes a voter's place in one step. @throws as `add` */
  replace(request: MemberReplaceRequest): Promise<MemberReplaceResponse> {
    return this.#atLeader("memberReplace", request, (own) => this.#replace(own));
  }

  async #add({ peerUrls, isLearner, replacedId }: MemberAddRequest): Promise<MemberAddResponse> {
    checkPeerUrls(peerUrls);
    const { clusterToken, clock } = this.#options;
    const id = joiningMemberIdOf(peerUrls, clusterToken, clock.nowMs());
    const member: StoreMember = { id, name: "", peerUrls: [...peerUrls].sort(), clientUrls: [], isLearner };
    const members = await this.#change((view) => {
      checkAdd(view, member, isLearner ? replacedId : 0n);
      return [{ kind: "add", member }];
    });
    return MemberAddResponse.create({ member: { ...member }, members });
  }

  async #remove({ id }: MemberRemoveRequest): Promise<MemberRemoveResponse> {
    const { memberId, consensus, handOverLeadership } = this.#options;
    if (id === memberId && consensus.isLeader) {
      checkRemove(this.#view(), id);
      // Better than to lead a change that ends the own leadership: the others would have to wait for an election.
      await handOverLeadership();
      if (!consensus.isLeader) throw new EtcdServerError({ code: "notLeader" });
    }
    const members = await this.#change((view) => {
      checkRemove(view, id);
      return [{ kind: "remove", id }];
    });
    return MemberRemoveResponse.create({ members });
  }

  async #update({ id, peerUrls }: MemberUpdateRequest): Promise<MemberUpdateResponse> {
    checkPeerUrls(peerUrls);
    const members = await this.#change((view) => {
      checkUpdate(view, id, peerUrls);
      return [
        { kind: "update", member: { id, name: "", peerUrls: [...peerUrls].sort(), clientUrls: [], isLearner: false } },
      ];
    });
    return MemberUpdateResponse.create({ members });
  }

  async #promote({ id }: MemberPromoteRequest): Promise<MemberPromoteResponse> {
    const members = await this.#change((view) => {
      checkPromote(view, id);
      return [{ kind: "promote", id }];
    });
    return MemberPromoteResponse.create({ members });
  }

  async #replace({ learnerId, removedId }: MemberReplaceRequest): Promise<MemberReplaceResponse> {
    const { memberId, consensus, handOverLeadership } = this.#options;
    if (removedId === memberId && consensus.isLeader) {
      checkReplace(this.#view(), learnerId, removedId);
      await handOverLeadership();
      if (!consensus.isLeader) throw new EtcdServerError({ code: "notLeader" });
    }
    await this.#change((view) => {
      checkReplace(view, learnerId, removedId);
      return [
        { kind: "promote", id: learnerId },
        { kind: "remove", id: removedId },
      ];
    });
    await this.#jointLeft(this.#options.clock.monotonicMs() + this.#options.timeoutMs);
    return MemberReplaceResponse.create({ members: this.#members() });
  }

  /**
   * On the leader only.
   * @param plan checks and says what is to change, or throws a refusal
   * @returns the members once the change is applied here
   */
  async #change(plan: (view: ClusterView) => readonly MemberChange[]): Promise<StoreMember[]> {
    const turn = this.#last.then(() => this.#changeNow(plan)); // I1
    this.#last = turn.catch(() => undefined);
    await turn;
    return this.#members();
  }

  async #changeNow(plan: (view: ClusterView) => readonly MemberChange[]): Promise<void> {
    const { consensus, reads, pending, nextRequestId, clock, timeoutMs, logger } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const { term } = consensus;
    // Whatever earlier leaders left in the log is applied then.
    await reads.barrier();
    await this.#jointLeft(deadlineMs);
    if (!consensus.isLeader || consensus.term !== term) throw new EtcdServerError({ code: "notLeader" });
    const changes = plan(this.#view());
    const id = nextRequestId();
    const outcome = consensus.proposeConfChange(confChangeOf(id, changes), { asLeader: true });
    if (outcome === "noLeader") throw new EtcdServerError({ code: "notLeader" });
    if (outcome === "overloaded") throw new EtcdServerError({ code: "tooManyRequests" });
    if (outcome === "stopped") throw new EtcdServerError({ code: "stopped" });
    await pending.add(id, term);
    const texts = changes.map((one) => `${one.kind} ${memberIdText("member" in one ? one.member.id : one.id)}`);
    logger.info({ changes: texts }, "membership changed");
  }

  /** A change through a joint configuration is left by an entry of its own. */
  async #jointLeft(deadlineMs: number): Promise<void> {
    const { consensus, clock } = this.#options;
    while (consensus.status().confState.votersOutgoing.length > 0) {
      if (clock.monotonicMs() > deadlineMs) throw new EtcdServerError({ code: "timeout", cause: "none" });
      await delay(jointRetryMs);
    }
  }

  #view(): ClusterView {
    const { memberId, membership, consensus } = this.#options;
    const { progress, peers } = consensus.status();
    return {
      self: memberId,
      members: membership.list(),
      isRemoved: (id) => membership.isRemoved(id),
      isConnected: (id) => peers.some((peer) => peer.id === id && peer.link === "connected"),
      match: (id) => progress.find((member) => member.id === id)?.match ?? 0,
    };
  }

  #members(): StoreMember[] {
    return this.#options.membership.list().map((member) => ({ ...member }));
  }

  async #atLeader<N extends PeerCallName>(
    name: N,
    request: PeerRequest<N>,
    here: (request: PeerRequest<N>) => Promise<PeerResponse<N>>,
  ): Promise<PeerResponse<N>> {
    const { consensus, leader, clock, timeoutMs, peerCalls, memberId } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      if (consensus.leader === 0n) await leader.known(deadlineMs);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) throw new EtcdServerError({ code: "timeout", cause: "none" });
      const to = consensus.leader;
      try {
        if (to === memberId) return await here(request);
        return await peerCalls.call({ consensus, to, name, body: request, timeoutMs: leftMs });
      } catch (error) {
        // I2: only this says that nothing was done.
        if (!(error instanceof EtcdServerError) || error.failure.code !== "notLeader") throw error;
        await delay(leaderRetryMs);
      }
    }
  }
}
