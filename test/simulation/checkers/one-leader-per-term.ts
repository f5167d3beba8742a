import type { Message } from "@triarch/raft";
import type { Observer, Speaker } from "../cluster/observer.ts";
import type { Report } from "./report.ts";

/** Nobody speaks as leader of a term in which another member did. */
export class OneLeaderPerTerm implements Observer {
  readonly #report: Report;
  readonly #leaders = new Map<number, bigint>();

  constructor(report: Report) {
    this.#report = report;
  }

  onSend(_speaker: Speaker, messages: readonly Message[]): void {
    for (const { type, term, from } of messages) {
      if (type !== "MsgApp" && type !== "MsgHeartbeat" && type !== "MsgSnap") continue;
      const known = this.#leaders.get(term);
      if (known === undefined) this.#leaders.set(term, from);
      else if (known !== from) {
        this.#report("oneLeaderPerTerm", `members ${known.toString()} and ${from.toString()} lead term ${term}`);
      }
    }
  }
}
