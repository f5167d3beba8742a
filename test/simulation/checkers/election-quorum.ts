import type { MemberId, Message } from "@triarch/raft";
import type { Observer, Speaker } from "../cluster/observer.ts";
import { describe } from "./membership-safety.ts";
import { isQuorum } from "./quorums.ts";
import type { Report } from "./report.ts";

/** Who speaks as leader was given the votes of a quorum of its configuration, and nobody votes twice in a term. */
export class ElectionQuorum implements Observer {
  readonly #report: Report;
  readonly #votes = new Map<string, MemberId>();
  readonly #granted = new Map<number, Map<MemberId, Set<MemberId>>>();
  readonly #elected = new Set<number>();

  constructor(report: Report) {
    this.#report = report;
  }

  onSend(speaker: Speaker, messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type === "MsgVoteResp" && !message.reject) this.#vote(message);
      if (message.type === "MsgApp" || message.type === "MsgHeartbeat") this.#leads(speaker, message);
    }
  }

  #vote({ from, to, term }: Message): void {
    const name = `${from.toString()}/${term}`;
    const earlier = this.#votes.get(name);
    if (earlier !== undefined && earlier !== to) {
      const text = `member ${from.toString()} votes for ${earlier.toString()} and ${to.toString()} in term ${term}`;
      this.#report("electionQuorum", text);
    }
    this.#votes.set(name, to);
    this.#votersFor(term, to).add(from);
  }

  #leads({ node }: Speaker, { from, term }: Message): void {
    if (this.#elected.has(term)) return;
    this.#elected.add(term);
    const voters = new Set(this.#votersFor(term, from)).add(from);
    const confState = node?.status().confState;
    if (confState === undefined || isQuorum(confState, voters)) return;
    const list = [...voters].map(String).join(" ");
    this.#report("electionQuorum", `${from.toString()} leads term ${term} by votes of ${list}: ${describe(confState)}`);
  }

  #votersFor(term: number, candidate: MemberId): Set<MemberId> {
    let ofTerm = this.#granted.get(term);
    if (ofTerm === undefined) this.#granted.set(term, (ofTerm = new Map<MemberId, Set<MemberId>>()));
    let voters = ofTerm.get(candidate);
    if (voters === undefined) ofTerm.set(candidate, (voters = new Set()));
    return voters;
  }
}
