/** Configuration changes as the scripts write them: `v1` adds a voter, `l2` a learner, `r3` removes, `u4` updates. */
import type { ConfChangeSingle, ConfChangeType, ConfState, MemberId, ProgressStatus } from "@triarch/raft";

const typeByLetter: ReadonlyMap<string, ConfChangeType> = new Map([
  ["v", "addNode"],
  ["l", "addLearnerNode"],
  ["r", "removeNode"],
  ["u", "updateNode"],
]);

export function parseChanges(text: string): ConfChangeSingle[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  return words.map((word) => {
    const type = typeByLetter.get(word.charAt(0));
    if (type === undefined) throw new Error(`unknown configuration change ${word}`);
    return { type, nodeId: BigInt(word.slice(1)) };
  });
}

export function describeChanges(changes: readonly ConfChangeSingle[]): string {
  const letters = new Map([...typeByLetter].map(([letter, type]) => [type, letter]));
  return changes.map(({ type, nodeId }) => `${letters.get(type) ?? "?"}${nodeId.toString()}`).join(" ");
}

export function describeConfiguration(confState: ConfState): string {
  const list = (members: readonly MemberId[]): string => `(${members.map(String).join(" ")})`;
  const parts = [`voters=${list(confState.voters)}`];
  if (confState.votersOutgoing.length > 0) parts[0] += `&&${list(confState.votersOutgoing)}`;
  if (confState.learners.length > 0) parts.push(`learners=${list(confState.learners)}`);
  if (confState.learnersNext.length > 0) parts.push(`learners_next=${list(confState.learnersNext)}`);
  if (confState.autoLeave) parts.push("autoleave");
  return parts.join(" ");
}

const stateNames = { probe: "StateProbe", replicate: "StateReplicate", snapshot: "StateSnapshot" } as const;

export function describeProgress(progress: ProgressStatus): string {
  const parts = [`${stateNames[progress.state]} match=${progress.match} next=${progress.next}`];
  if (progress.isLearner) parts.push("learner");
  if (progress.paused) parts.push("paused");
  if (progress.pendingSnapshot > 0) parts.push(`pendingSnap=${progress.pendingSnapshot}`);
  if (!progress.recentActive) parts.push("inactive");
  if (progress.inflightCount > 0)
    parts.push(`inflight=${progress.inflightCount}${progress.inflightFull ? "[full]" : ""}`);
  return `${progress.id.toString()}: ${parts.join(" ")}\n`;
}
