import type { Message } from "@triarch/raft";
import type { WalReplay } from "@triarch/wal";
import type { Observer, Speaker } from "../cluster/observer.ts";
import type { AgreedLog } from "./agreed-log.ts";
import type { Report } from "./report.ts";

/** Who begins to lead has every entry in its log that was committed before. */
export class LeaderCompleteness implements Observer {
  readonly #report: Report;
  readonly #agreed: AgreedLog;
  readonly #checked = new Set<number>();

  constructor(report: Report, agreed: AgreedLog) {
    this.#report = report;
    this.#agreed = agreed;
  }

  onSend(speaker: Speaker, messages: readonly Message[]): void {
    const message = messages.find(({ type }) => type === "MsgApp" || type === "MsgHeartbeat");
    if (message === undefined || this.#checked.has(message.term)) return;
    this.#checked.add(message.term);
    const committed = [...this.#agreed.entryTerms()].filter(([, term]) => term < message.term);
    const who = `member ${message.from.toString()}, leader of term ${message.term},`;
    void speaker.readLog("seen").then(
      (log) => this.#look(who, log, committed),
      () => undefined, // A log that cannot be read is others' concern.
    );
  }

  #look(who: string, { snapshot, entries }: WalReplay, committed: readonly (readonly [number, number])[]): void {
    const terms = new Map(entries.map(({ index, term }) => [index, term]));
    for (const [index, term] of committed) {
      if (index <= snapshot.index && !terms.has(index)) continue; // In the snapshot.
      const found = terms.get(index);
      if (found === term) continue;
      const instead = found === undefined ? "lacks it" : `has one of term ${found}`;
      this.#report("leaderCompleteness", `entry ${index} of term ${term} is committed; ${who} ${instead}`);
      return;
    }
  }
}
