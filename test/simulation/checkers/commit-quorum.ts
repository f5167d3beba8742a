import type { ConfState, MemberId, Message } from "@triarch/raft";
import type { SnapshotMeta } from "@triarch/raft-node";
import type { Observer, Speaker } from "../cluster/observer.ts";
import type { SimProcess } from "../world/process.ts";
import { isQuorum } from "./quorums.ts";
import type { Report } from "./report.ts";

/** What is known of a term and its leader. */
interface TermLog {
  /** What the leader knew to be committed when it was elected. */
  readonly base: number;
  /** Its own first entry. */
  firstOwn: number;
  highestCommit: number;
  readonly acknowledged: Map<MemberId, number>;
}

/** A configuration that was in force a moment ago may have been what a commit was decided by. */
const confStatesKept = 3;

/**
 * What a leader newly calls committed is acknowledged, in its term, by a quorum with itself, and does not end before its
 * first own entry: entries of earlier terms are committed only together with one of this.
 */
export class CommitQuorum implements Observer {
  readonly #report: Report;
  readonly #terms = new Map<number, TermLog>();
  readonly #acknowledged = new Map<number, Map<MemberId, number>>();
  readonly #confStates = new Map<MemberId, ConfState[]>();

  constructor(report: Report) {
    this.#report = report;
  }

  onConfChanged({ memberId }: SimProcess, _index: number, confState: ConfState): void {
    this.#remember(memberId, confState);
  }

  onInstalled({ memberId }: SimProcess, { confState }: SnapshotMeta): void {
    this.#remember(memberId, confState);
  }

  onSend(speaker: Speaker, messages: readonly Message[]): void {
    for (const message of messages) {
      const { type, term, from, index, reject } = message;
      if (type === "MsgAppResp" && !reject) {
        const ofTerm = this.#acknowledgedIn(term);
        ofTerm.set(from, Math.max(ofTerm.get(from) ?? 0, index));
      } else if (type === "MsgApp") this.#appends(speaker, message);
    }
  }

  #appends(speaker: Speaker, { from, term, commit, entries }: Message): void {
    let known = this.#terms.get(term);
    if (known === undefined) {
      const acknowledged = this.#acknowledgedIn(term);
      known = { base: commit, firstOwn: Number.POSITIVE_INFINITY, highestCommit: commit, acknowledged };
      this.#terms.set(term, known);
    }
    const own = entries.find((entry) => entry.term === term);
    if (own !== undefined) known.firstOwn = Math.min(known.firstOwn, own.index);
    if (commit <= known.highestCommit) return;
    known.highestCommit = commit;
    const who = `member ${from.toString()}, leader of term ${term},`;
    if (commit < known.firstOwn) {
      this.#report("commitQuorum", `${who} commits ${commit}, before its own first entry ${known.firstOwn}`);
    }
    const holders = new Set([from]);
    for (const [id, index] of known.acknowledged) if (index >= commit) holders.add(id);
    const now = speaker.node?.status().confState;
    const confStates = [...(this.#confStates.get(from) ?? []), ...(now === undefined ? [] : [now])];
    if (now === undefined || confStates.some((confState) => isQuorum(confState, holders))) return;
    this.#report("commitQuorum", `${who} commits ${commit}, which ${[...holders].map(String).join(" ")} hold`);
  }

  #acknowledgedIn(term: number): Map<MemberId, number> {
    let acknowledged = this.#acknowledged.get(term);
    if (acknowledged === undefined) {
      acknowledged = new Map<MemberId, number>();
      this.#acknowledged.set(term, acknowledged);
    }
    return acknowledged;
  }

  #remember(memberId: MemberId, confState: ConfState): void {
    const confStates = this.#confStates.get(memberId) ?? [];
    this.#confStates.set(memberId, [...confStates, confState].slice(-confStatesKept));
  }
}
