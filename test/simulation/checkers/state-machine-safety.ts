import type { Entry } from "@triarch/raft";
import type { LogPosition, SnapshotMeta } from "@triarch/raft-node";
import type { KvState } from "../cluster/kv-state.ts";
import type { Observer } from "../cluster/observer.ts";
import type { SimProcess } from "../world/process.ts";
import type { AgreedLog } from "./agreed-log.ts";
import type { Report } from "./report.ts";

/**
 * What one member applied at an index, every member applies there, after the same history: in order, nothing twice,
 * nothing left out. A snapshot brings the state that others had at its index.
 */
export class StateMachineSafety implements Observer {
  readonly #report: Report;
  readonly #agreed: AgreedLog;

  constructor(report: Report, agreed: AgreedLog) {
    this.#report = report;
    this.#agreed = agreed;
  }

  onApply({ memberId }: SimProcess, before: KvState, entries: readonly Entry[], position: LogPosition): void {
    const where = `member ${memberId.toString()} at ${before.index}`;
    if (position.index <= before.index) this.#fail(`${where} is told to apply up to ${position.index}`);
    let last = before.index;
    for (const { index } of entries) {
      if (index <= last) this.#fail(`${where} applies entry ${index} after ${last}`);
      last = index;
    }
    if (last > position.index) this.#fail(`${where} applies entry ${last} of a part that ends at ${position.index}`);
  }

  onEntryApplied({ memberId }: SimProcess, { chain }: KvState, { index, term }: Entry): void {
    const agreed = this.#agreed.chainAt(index);
    if (agreed === undefined || agreed === chain) return;
    const others = this.#agreed.termAt(index);
    this.#fail(`member ${memberId.toString()} applied another history up to entry ${index} (term ${term}, ${others})`);
  }

  onInstalled({ memberId }: SimProcess, meta: SnapshotMeta, state: KvState): void {
    const who = `member ${memberId.toString()}`;
    if (state.index !== meta.index) this.#fail(`${who} got a snapshot of ${meta.index} with state of ${state.index}`);
    const agreed = this.#agreed.chainAt(state.index);
    if (agreed !== undefined && agreed !== state.chain) this.#fail(`${who} got another state at ${state.index}`);
  }

  #fail(text: string): void {
    this.#report("stateMachineSafety", text);
  }
}
