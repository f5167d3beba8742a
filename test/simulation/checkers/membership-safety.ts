import type { ConfState } from "@triarch/raft";
import type { SnapshotMeta } from "@triarch/raft-node";
import type { Observer } from "../cluster/observer.ts";
import type { SimProcess } from "../world/process.ts";
import { haveDisjointQuorums } from "./quorums.ts";
import type { Report } from "./report.ts";

/**
 * All members take the same configurations at the same indexes; each has voters, and every quorum of one shares a member
 * with every quorum of the next: no change lets two sides decide, or loses what the old quorum decided.
 */
export class MembershipSafety implements Observer {
  readonly #report: Report;
  /** By ascending index. */
  readonly #known: { readonly index: number; readonly confState: ConfState }[];

  constructor(report: Report, first: { readonly index: number; readonly confState: ConfState }) {
    this.#report = report;
    this.#known = [first];
  }

  /** The newest configuration that anyone has. */
  get newest(): ConfState {
    return (this.#known.at(-1) as { confState: ConfState }).confState;
  }

  /** Where it came into force. */
  get newestIndex(): number {
    return this.#known.at(-1)?.index ?? 0;
  }

  onConfChanged({ memberId }: SimProcess, index: number, confState: ConfState): void {
    const known = this.#known.find((other) => other.index === index);
    if (known !== undefined) {
      this.#requireSame(memberId, index, confState, known.confState);
      return;
    }
    const before = this.#known.findLastIndex((other) => other.index < index);
    const previous = this.#known[before];
    if (confState.voters.length === 0) this.#fail(`the configuration at ${index} has no voters`);
    else if (previous !== undefined && haveDisjointQuorums(previous.confState, confState)) {
      this.#fail(`${describe(previous.confState)} and ${describe(confState)} at ${index} have disjoint quorums`);
    }
    this.#known.splice(before + 1, 0, { index, confState });
  }

  onInstalled({ memberId }: SimProcess, { index, confState }: SnapshotMeta): void {
    const known = this.#known.findLast((other) => other.index <= index);
    if (known !== undefined) this.#requireSame(memberId, index, confState, known.confState);
  }

  #requireSame(memberId: bigint, index: number, confState: ConfState, agreed: ConfState): void {
    const [own, others] = [describe(confState), describe(agreed)];
    if (own !== others) this.#fail(`member ${memberId.toString()} has ${own} at ${index}, others have ${others}`);
  }

  #fail(text: string): void {
    this.#report("membershipSafety", text);
  }
}

export function describe({ voters, learners, votersOutgoing, learnersNext, autoLeave }: ConfState): string {
  const list = (ids: readonly bigint[]): string => `[${ids.map(String).sort().join(" ")}]`;
  const joint = votersOutgoing.length === 0 ? "" : ` outgoing ${list(votersOutgoing)} next ${list(learnersNext)}`;
  return `voters ${list(voters)} learners ${list(learners)}${joint}${autoLeave ? " autoLeave" : ""}`;
}
