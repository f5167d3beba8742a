/** A leader takes proposals into its log. */
import { payloadSizeBytes } from "../log/entry-size.ts";
import { ConfChangeDecodeError, decodeConfChange } from "../confchange/codec.ts";
import { asConfChangeV2 } from "../confchange/conf-change.ts";
import type { ProposalOutcome } from "../outcome.ts";
import { noMember } from "../types.ts";
import type { Entry } from "../types.ts";
import { emptyBytes } from "@triarch/base";
import type { Raft } from "./raft.ts";
import { broadcastAppend } from "./replication.ts";

/** Term and index are given by the leader. */
export type ProposedEntry = Pick<Entry, "type" | "data">;

const emptyProposal: ProposedEntry = { type: "normal", data: emptyBytes };

/** All of `proposed` or nothing. */
export function leaderPropose(raft: Raft, proposed: readonly ProposedEntry[]): ProposalOutcome {
  if (raft.tracker.progressOf(raft.id) === undefined) return "removedFromConfiguration";
  if (raft.leadTransferee !== noMember) return "leadershipTransfer";
  const pendingConfIndex = raft.pendingConfIndex;
  const admitted = proposed.some((entry) => entry.type !== "normal") ? admitConfChanges(raft, proposed) : proposed;
  if (!appendAsLeader(raft, admitted)) {
    raft.pendingConfIndex = pendingConfIndex;
    return "tooManyUncommittedBytes";
  }
  broadcastAppend(raft);
  return "appended";
}

/**
 * Appends under this leader's term. The leader acknowledges to itself when its disk has the entries.
 * @returns false, with nothing done, when that would leave too many bytes uncommitted
 */
export function appendAsLeader(raft: Raft, proposed: readonly ProposedEntry[]): boolean {
  const bytes = payloadSizeBytes(proposed as readonly Entry[]);
  // Empty entries always pass: a new leader's first one, and the one that leaves a joint configuration.
  // So does any proposal when nothing else is uncommitted, however large.
  const fits =
    bytes === 0 ||
    raft.uncommittedBytes === 0 ||
    raft.uncommittedBytes + bytes <= raft.config.maxUncommittedEntriesSize;
  if (!fits) return false;
  raft.uncommittedBytes += bytes;
  const firstIndex = raft.log.lastIndex() + 1;
  const entries = proposed.map(({ type, data }, i): Entry => ({ term: raft.term, index: firstIndex + i, type, data }));
  const lastIndex = raft.log.append(entries);
  raft.send("MsgAppResp", raft.id, { index: lastIndex });
  return true;
}

/** Entries were applied: their bytes no longer count. */
export function releaseUncommitted(raft: Raft, entries: readonly Entry[]): void {
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payloadSizeBytes(entries));
}

/** Changes that cannot be taken now become empty entries, so that their proposer sees an end. */
function admitConfChanges(raft: Raft, proposed: readonly ProposedEntry[]): readonly ProposedEntry[] {
  const lastIndex = raft.log.lastIndex();
  return proposed.map((entry, i) => {
    if (entry.type === "normal") return entry;
    const refusal = confChangeRefusal(raft, entry);
    if (refusal !== undefined) {
      raft.logText("info", `configuration change replaced by an empty entry: ${refusal}`);
      return emptyProposal;
    }
    raft.pendingConfIndex = lastIndex + i + 1;
    return entry;
  });
}

function confChangeRefusal(raft: Raft, entry: ProposedEntry): string | undefined {
  let leaving: boolean;
  try {
    leaving = asConfChangeV2(decodeConfChange(entry.type, entry.data)).changes.length === 0;
  } catch (error) {
    // Applying it would stop every member.
    if (error instanceof ConfChangeDecodeError) return error.message;
    throw error;
  }
  if (raft.config.disableConfChangeValidation) return undefined;
  if (raft.pendingConfIndex > raft.log.applied) {
    return `another one at index ${raft.pendingConfIndex} may not be applied yet (applied ${raft.log.applied})`;
  }
  if (raft.tracker.isJoint && !leaving) return "the joint configuration must be left first";
  if (!raft.tracker.isJoint && leaving) return "there is no joint configuration to leave";
  return undefined;
}
