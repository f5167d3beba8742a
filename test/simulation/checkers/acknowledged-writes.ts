import type { KvState } from "../cluster/kv-state.ts";
import type { CompletedWrite, Observer } from "../cluster/observer.ts";
import type { Report } from "./report.ts";

/** Every write that a client was told is done is in the state of every member at the end, where it was said to be. */
export class AcknowledgedWrites implements Observer {
  readonly #report: Report;
  readonly #writes: CompletedWrite[] = [];

  constructor(report: Report) {
    this.#report = report;
  }

  onWriteAcknowledged(write: CompletedWrite): void {
    this.#writes.push(write);
  }

  onEnd(members: readonly { readonly memberId: bigint; readonly state: KvState }[]): void {
    for (const { memberId, state } of members) {
      for (const { id, index } of this.#writes) {
        const found = state.appliedAt(id);
        if (found === index) continue;
        const where = found === undefined ? "is not there" : `is at ${found}`;
        this.#report(
          "acknowledgedWrites",
          `${id}, acknowledged at ${index}, ${where} on member ${memberId.toString()}`,
        );
        return;
      }
    }
  }
}
