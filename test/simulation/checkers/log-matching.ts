import { crc32c } from "@triarch/base";
import type { Entry, Message } from "@triarch/raft";
import type { WalReplay } from "@triarch/wal";
import type { Observer, Speaker } from "../cluster/observer.ts";
import type { Report } from "./report.ts";

/**
 * Two logs that have an entry of one index and term have the same entries up to there: the entry itself is the same
 * everywhere, and so is the term of the one before it. Looks at appends on their way and at logs on disk.
 */
export class LogMatching implements Observer {
  readonly #report: Report;
  readonly #known = new Map<string, { readonly checksum: number; previousTerm: number | undefined }>();

  constructor(report: Report) {
    this.#report = report;
  }

  onSend(_speaker: Speaker, messages: readonly Message[]): void {
    for (const { type, logTerm, entries } of messages) if (type === "MsgApp") this.#look(entries, logTerm);
  }

  onLogFound(_memberId: bigint, { entries }: WalReplay): void {
    this.#look(entries, undefined);
  }

  #look(entries: readonly Entry[], termBefore: number | undefined): void {
    let previousTerm = termBefore;
    for (const entry of entries) {
      this.#lookAt(entry, previousTerm);
      previousTerm = entry.term;
    }
  }

  #lookAt({ index, term, type, data }: Entry, previousTerm: number | undefined): void {
    const name = `${term}/${index}`;
    const checksum = crc32c(data, type.length);
    const known = this.#known.get(name);
    if (known === undefined) {
      this.#known.set(name, { checksum, previousTerm });
      return;
    }
    if (known.checksum !== checksum) this.#report("logMatching", `entry ${name} is not the same everywhere`);
    known.previousTerm ??= previousTerm;
    if (previousTerm !== undefined && known.previousTerm !== previousTerm) {
      const terms = `${known.previousTerm} and ${previousTerm}`;
      this.#report("logMatching", `before entry ${name} there are entries of terms ${terms}`);
    }
  }
}
