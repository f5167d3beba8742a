import type { Entry } from "@triarch/raft";
import { decodeWrite } from "../cluster/kv-state.ts";
import type { KvState } from "../cluster/kv-state.ts";
import type { Observer } from "../cluster/observer.ts";
import type { SimProcess } from "../world/process.ts";
import type { Report } from "./report.ts";

/** Nothing that was proposed once is applied at two places, and nothing that Raft said it dropped is applied at all. */
export class AppliedOnce implements Observer {
  readonly #report: Report;
  readonly #indexes = new Map<string, number>();
  readonly #refused = new Set<string>();

  constructor(report: Report) {
    this.#report = report;
  }

  onWriteRefused(id: string): void {
    this.#refused.add(id);
    if (this.#indexes.has(id)) this.#report("appliedOnce", `${id} was refused and is applied`);
  }

  onEntryApplied(_process: SimProcess, _after: KvState, { index, type, data }: Entry): void {
    if (type !== "normal") return;
    const { id } = decodeWrite(data);
    const known = this.#indexes.get(id);
    if (known === undefined) this.#indexes.set(id, index);
    else if (known !== index) this.#report("appliedOnce", `${id} is applied at ${known} and at ${index}`);
    if (this.#refused.has(id)) this.#report("appliedOnce", `${id} was refused and is applied at ${index}`);
  }
}
