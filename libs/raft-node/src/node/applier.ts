/** Takes committed entries to where they belong: changes of membership to Raft first, then all to the state machine. */
import { assertDefined } from "@triarch/base";
import { decodeConfChange } from "@triarch/raft";
import type { ConfChange, ConfState, Entry, RawNode } from "@triarch/raft";
import type { Logger } from "@triarch/telemetry";
import type { LogPosition, StateMachine } from "../types.ts";

export class Applier {
  readonly #raw: RawNode;
  readonly #stateMachine: StateMachine;
  readonly #onConfState: (index: number, confState: ConfState) => void;
  readonly #logger: Logger;
  #applied: LogPosition;
  /** The state machine had everything up to here when the process started. */
  readonly #skipTo: number;

  constructor(parts: {
    readonly raw: RawNode;
    readonly stateMachine: StateMachine;
    readonly applied: LogPosition;
    readonly skipTo: number;
    readonly onConfState: (index: number, confState: ConfState) => void;
    readonly logger: Logger;
  }) {
    this.#raw = parts.raw;
    this.#stateMachine = parts.stateMachine;
    this.#applied = parts.applied;
    this.#skipTo = parts.skipTo;
    this.#onConfState = parts.onConfState;
    this.#logger = parts.logger;
  }

  get applied(): LogPosition {
    return this.#applied;
  }

  /** The state machine was replaced. */
  restarted(position: LogPosition): void {
    this.#applied = position;
  }

  apply(entries: readonly Entry[]): void {
    let from = 0;
    entries.forEach((entry, i) => {
      if (entry.type === "normal") return;
      this.#applyNormal(entries.slice(from, i));
      this.#applyConfChange(entry);
      from = i + 1;
    });
    this.#applyNormal(from === 0 ? entries : entries.slice(from));
  }

  #applyNormal(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#applied = { index: last.index, term: last.term };
    if (last.index <= this.#skipTo) return;
    const skips = (entry: Entry): boolean => entry.data.length === 0 || entry.index <= this.#skipTo;
    const wanted = entries.some(skips) ? entries.filter((entry) => !skips(entry)) : entries;
    this.#stateMachine.apply(wanted, this.#applied);
  }

  #applyConfChange(entry: Entry): void {
    const change = decodeConfChange(entry.type, entry.data);
    const confState = this.#change(change, entry);
    this.#applied = { index: entry.index, term: entry.term };
    this.#onConfState(entry.index, confState);
    if (entry.index > this.#skipTo) this.#stateMachine.confChanged(confState, entry, change.context);
  }

  /** A committed change that does not fit (it would leave no voter) must end the same way on all members: as none. */
  #change(change: ConfChange, entry: Entry): ConfState {
    try {
      return this.#raw.applyConfChange(change);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "ConfChangeError") throw error;
      this.#logger.error({ index: entry.index, error: error.message }, "configuration change without effect");
      const none = { version: 1, type: "addNode", nodeId: 0n, context: change.context, id: 0n } as const;
      return assertDefined(this.#raw.applyConfChange(none), "a change without a member keeps the configuration");
    }
  }
}
