import type { Message } from "@triarch/raft";
import type { Coverage } from "./coverage.ts";
import type { Observer, Speaker } from "./observer.ts";

/** Counts what can be seen in messages and in what clients get. */
export class CoverageObserver implements Observer {
  readonly #coverage: Coverage;
  readonly #terms = new Set<number>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  onSend(_speaker: Speaker, messages: readonly Message[]): void {
    for (const { type, term, reject } of messages) {
      if (type === "MsgPreVoteResp" && reject) this.#coverage.add("preVotesRefused");
      if (type === "MsgSnap") this.#coverage.add("snapshotsSent");
      if ((type !== "MsgApp" && type !== "MsgHeartbeat") || this.#terms.has(term)) continue;
      this.#terms.add(term);
      this.#coverage.add("elections");
    }
  }

  onInstalled(): void {
    this.#coverage.add("snapshotsInstalled");
  }

  onWriteAcknowledged(): void {
    this.#coverage.add("writesAcknowledged");
  }

  onWriteRefused(): void {
    this.#coverage.add("writesRefused");
  }

  onRead(): void {
    this.#coverage.add("readsServed");
  }
}
