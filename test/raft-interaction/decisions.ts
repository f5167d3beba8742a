/** The commands of the configuration change scripts and of the quorum scripts. */
import { assertDefined } from "@triarch/base";
import {
  ConfChangeError,
  enterJoint,
  jointCommitted,
  jointVote,
  leaveJoint,
  majorityVote,
  ProgressTracker,
  simpleChange,
} from "@triarch/raft";
import type { ConfChangeResult, ConfState, MemberId } from "@triarch/raft";
import { flag, ids } from "./command.ts";
import type { Command } from "./command.ts";
import { describeConfiguration, describeProgress, parseChanges } from "./conf-change-text.ts";

/** One configuration, changed step by step; each command counts as one more log entry. */
export class ConfChangeScript {
  readonly #tracker = new ProgressTracker({ inflightMsgsMax: 10, inflightBytesMax: 0 });
  #lastIndex = 0;

  run(command: Command, input: string): string {
    try {
      const { confState, forgotten } = changed(this.#tracker.confState, command, input);
      this.#tracker.switchTo(confState, { lastIndex: this.#lastIndex, forgotten });
    } catch (error) {
      if (error instanceof ConfChangeError) return error.message;
      throw error;
    } finally {
      this.#lastIndex += 1;
    }
    const progress = this.#tracker.members.map((member) => describeProgress(member.status())).join("");
    return `${describeConfiguration(this.#tracker.confState)}\n${progress}`;
  }
}

function changed(confState: ConfState, command: Command, input: string): ConfChangeResult {
  switch (command.name) {
    case "simple":
      return simpleChange(confState, parseChanges(input));
    case "enter-joint":
      return enterJoint(confState, parseChanges(input), flag(command, "autoleave"));
    case "leave-joint":
      return leaveJoint(confState);
    default:
      throw new Error(`unknown command ${command.name}`);
  }
}

const voteNames = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" } as const;

export function runQuorumCommand(command: Command): string {
  const incoming = ids(command.options.get("cfg"));
  const outgoing = ids(command.options.get("cfgj")?.filter((word) => word !== "zero"));
  const everyone = [...new Set([...incoming, ...outgoing])];
  const values = command.options.get(command.name === "vote" ? "votes" : "idx") ?? [];
  const given = new Map(everyone.map((id, i) => [id, assertDefined(values[i], `no value for voter ${id.toString()}`)]));
  if (command.name === "vote") {
    const vote = (id: MemberId): boolean | undefined =>
      ({ y: true, n: false, _: undefined })[given.get(id) as "y" | "n" | "_"];
    const result = jointVote(incoming.map(vote), outgoing.map(vote));
    if (outgoing.length === 0 && result !== majorityVote(incoming.map(vote))) return "joint and majority differ";
    return voteNames[result];
  }
  const known = new Map([...given].filter(([, text]) => text !== "_").map(([id, text]) => [id, Number(text)]));
  const acked = (id: MemberId): number => known.get(id) ?? 0;
  const committed = jointCommitted(incoming.map(acked), outgoing.map(acked));
  return `${describeAcked(everyone, known)}${Number.isFinite(committed) ? committed : "∞"}`;
}

/** A line per voter, with a bar as long as the number of voters that are behind it. */
function describeAcked(everyone: readonly MemberId[], known: ReadonlyMap<MemberId, number>): string {
  const width = everyone.length;
  if (width === 0) return "<empty majority quorum>";
  const acked = (id: MemberId): number => known.get(id) ?? 0;
  const lines = [...everyone]
    .sort((left, right) => Number(left - right))
    .map((id) => {
      const behind = everyone.filter((other) => acked(other) < acked(id)).length;
      const bar = known.has(id) ? `${"x".repeat(behind)}>` : "?";
      return `${bar.padEnd(width + 1)} ${String(acked(id)).padStart(5)}    (id=${id.toString()})\n`;
    });
  return `${" ".repeat(width)}    idx\n${lines.join("")}`;
}
