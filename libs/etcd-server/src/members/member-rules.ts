import { EtcdServerError } from "../server/errors.ts";
import type { StoreMember } from "../store-client.ts";

/**
 * Which changes of membership are taken: etcd's rules, as pure checks against what the leader sees at the moment it puts
 * the change into its log. Each throws `EtcdServerError` with what is wrong.
 * Source: etcd server/etcdserver/server.go (mayAddMember and its like), api/membership/cluster.go.
 *
 * One departure: a member counts as connected when it is connected now; etcd wants five seconds of it.
 */
export interface ClusterView {
  /** The leader. */
  readonly self: bigint;
  readonly members: readonly StoreMember[];
  readonly isRemoved: (id: bigint) => boolean;
  /** Does the leader have a connection to this other member? */
  readonly isConnected: (id: bigint) => boolean;
  /** Index up to which the leader knows the member's log to be like its own. */
  readonly match: (id: bigint) => number;
}

/** More would slow the leader, which sends everything to each. */
export const learnersMax = 1;
/** A learner whose log has this part of the leader's may become a voter. */
export const readyLearnerShare = 0.9;

/** @throws EtcdServerError "badMemberUrls" */
export function checkPeerUrls(peerUrls: readonly string[]): void {
  if (peerUrls.length === 0 || !peerUrls.every(isPeerUrl)) throw new EtcdServerError({ code: "badMemberUrls" });
}

function isPeerUrl(text: string): boolean {
  const url = URL.parse(text);
  // A default port is not in `port`; etcd wants one in the text.
  const explicitPort = /^https?:\/\/(\[[^\]]+\]|[^/:]+):\d+\/?$/.test(text);
  return url !== null && explicitPort && (url.protocol === "http:" || url.protocol === "https:");
}

/**
 * @param replacedId a voter that may be down, because the new member is to take its place; 0n: none
 * @throws EtcdServerError "notEnoughStartedMembers" | "unhealthyCluster" | "memberExists" | "peerUrlsExist" | "tooManyLearners" |
 * "memberNotFound"
 */
export function checkAdd(view: ClusterView, member: StoreMember, replacedId: bigint): void {
  const voters = votersOf(view);
  const started = voters.filter(isStarted).length;
  // Else a lone member could never get a second one.
  const isSecond = started === 1 && voters.length === 1;
  if (!member.isLearner && !isSecond && started < quorumOf(voters.length + 1)) fail("notEnoughStartedMembers");
  if (replacedId !== 0n) memberOf(view, replacedId);
  if (!voters.every(({ id }) => id === replacedId || isUp(view, id))) fail("unhealthyCluster");
  // First, because an id is made of the URLs and the second: added twice within one, the id is there as well.
  if (sharesUrl(view.members, member)) fail("peerUrlsExist");
  if (view.isRemoved(member.id) || view.members.some(({ id }) => id === member.id)) fail("memberExists");
  const learners = view.members.filter(({ isLearner }) => isLearner).length;
  if (member.isLearner && learners >= learnersMax) fail("tooManyLearners");
}

/** @throws EtcdServerError "memberNotFound" | "notEnoughStartedMembers" | "unhealthyCluster" */
export function checkRemove(view: ClusterView, id: bigint): void {
  const member = memberOf(view, id);
  if (member.isLearner) return;
  const rest = votersOf(view).filter((voter) => voter.id !== id);
  if (rest.length === 0 || rest.filter(isStarted).length < quorumOf(rest.length)) fail("notEnoughStartedMembers");
  // One that is down has no part in the active quorum.
  if (!isUp(view, id)) return;
  if (rest.filter((voter) => isUp(view, voter.id)).length < quorumOf(rest.length)) fail("unhealthyCluster");
}

/** @throws EtcdServerError "memberNotFound" | "memberNotLearner" | "learnerNotReady" | "notEnoughStartedMembers" */
export function checkPromote(view: ClusterView, id: bigint): void {
  const member = memberOf(view, id);
  if (!member.isLearner) fail("memberNotLearner");
  if (view.match(id) < view.match(view.self) * readyLearnerShare) fail("learnerNotReady");
  const voters = votersOf(view);
  if (voters.filter(isStarted).length + 1 < quorumOf(voters.length + 1)) fail("notEnoughStartedMembers");
}

/** @throws EtcdServerError "memberNotFound" | "peerUrlsExist" */
export function checkUpdate(view: ClusterView, id: bigint, peerUrls: readonly string[]): void {
  const others = view.members.filter((member) => member.id !== id);
  memberOf(view, id);
  if (sharesUrl(others, { peerUrls })) fail("peerUrlsExist");
}

/**
 * A learner takes a voter's place, both at once through a joint configuration.
 * @throws EtcdServerError as `checkPromote` and, for the voter, `checkRemove`
 */
export function checkReplace(view: ClusterView, learnerId: bigint, removedId: bigint): void {
  checkPromote(view, learnerId);
  memberOf(view, removedId);
  const after = view.members
    .filter(({ id }) => id !== removedId)
    .map((member) => (member.id === learnerId ? { ...member, isLearner: false } : member));
  const voters = after.filter(({ isLearner }) => !isLearner);
  if (voters.filter(isStarted).length < quorumOf(voters.length)) fail("notEnoughStartedMembers");
  // Both halves of the joint configuration have to agree.
  for (const half of [votersOf(view), voters]) {
    if (half.filter(({ id }) => isUp(view, id)).length < quorumOf(half.length)) fail("unhealthyCluster");
  }
}

function votersOf({ members }: ClusterView): readonly StoreMember[] {
  return members.filter(({ isLearner }) => !isLearner);
}

/** A member tells its name once it runs. */
function isStarted({ name }: StoreMember): boolean {
  return name !== "";
}

function isUp(view: ClusterView, id: bigint): boolean {
  return id === view.self || view.isConnected(id);
}

function memberOf(view: ClusterView, id: bigint): StoreMember {
  const member = view.members.find((one) => one.id === id);
  if (member === undefined) throw new EtcdServerError({ code: "memberNotFound", memberId: id });
  return member;
}

function sharesUrl(members: readonly StoreMember[], { peerUrls }: Pick<StoreMember, "peerUrls">): boolean {
  return members.some((other) => other.peerUrls.some((url) => peerUrls.includes(url)));
}

function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

function fail(
  code:
    | "notEnoughStartedMembers"
    | "unhealthyCluster"
    | "memberExists"
    | "peerUrlsExist"
    | "tooManyLearners"
    | "memberNotLearner"
    | "learnerNotReady",
): never {
  throw new EtcdServerError({ code });
}
