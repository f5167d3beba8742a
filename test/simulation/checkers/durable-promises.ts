import type { Message } from "@triarch/raft";
import type { WalReplay } from "@triarch/wal";
import type { Observer, Speaker } from "../cluster/observer.ts";
import type { Report } from "./report.ts";

/**
 * What a member promises to others is on its disk, safe from a power cut, before the promise leaves: a vote, and the
 * acknowledgement of entries.
 */
export class DurablePromises implements Observer {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  onSend(speaker: Speaker, messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.reject) continue;
      if (message.type === "MsgAppResp" && message.index > 0) this.#requireSynced(speaker, message);
      if (message.type === "MsgVoteResp") this.#requireVote(speaker, message);
    }
  }

  #requireSynced({ process, hasUnsyncedLog }: Speaker, { index, term }: Message): void {
    if (!hasUnsyncedLog) return;
    const who = `member ${process.memberId.toString()}`;
    this.#report("durablePromises", `${who} acknowledges ${index} in term ${term} while its log is not synced`);
  }

  #requireVote(speaker: Speaker, message: Message): void {
    this.#requireSynced(speaker, message);
    const { memberId } = speaker.process;
    void speaker.readLog("durable").then(
      (log) => this.#lookForVote(memberId, log, message),
      () => undefined, // A log that cannot be read is others' concern.
    );
  }

  #lookForVote(memberId: bigint, { hardState }: WalReplay, { to, term }: Message): void {
    if (hardState.term > term || (hardState.term === term && hardState.vote === to)) return;
    const found = `term ${hardState.term}, vote ${hardState.vote.toString()}`;
    const vote = `votes for ${to.toString()} in term ${term}`;
    this.#report("durablePromises", `member ${memberId.toString()} ${vote}; its disk says ${found}`);
  }
}
