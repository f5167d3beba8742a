/**
 * From one configuration to the next (thesis 4.1, 4.3), as a pure function on `ConfState`.
 *
 * I1. A simple change alters at most one voter. I2. Nobody stays without voters. I3. A voter that becomes a learner in
 * a joint configuration waits in `learnersNext` until the outgoing half, which it still votes in, is left.
 */
import type { ConfState, MemberId } from "../types.ts";
import type { ConfChangeSingle, ConfChangeV2 } from "./conf-change.ts";
import { protocolOf } from "./conf-change.ts";
import { differenceCount, sortedMembers } from "./members.ts";

/** The change does not fit the configuration in force; the text says why. Nothing was changed. */
export class ConfChangeError extends Error {
  override readonly name = "ConfChangeError";
}

export interface ConfChangeResult {
  readonly confState: ConfState;
  /** Members that left on the way, also if they came back: what was known about them is void. */
  readonly forgotten: ReadonlySet<MemberId>;
}

/** @throws ConfChangeError */
export function changeConfiguration(confState: ConfState, change: ConfChangeV2): ConfChangeResult {
  const protocol = protocolOf(change);
  switch (protocol.kind) {
    case "leaveJoint":
      return leaveJoint(confState);
    case "enterJoint":
      return enterJoint(confState, change.changes, protocol.autoLeave);
    case "simple":
      return simpleChange(confState, change.changes);
  }
}

/** @throws ConfChangeError */
export function simpleChange(confState: ConfState, changes: readonly ConfChangeSingle[]): ConfChangeResult {
  if (isJoint(confState)) throw new ConfChangeError("can't apply simple config change in joint config");
  const draft = new Draft(confState);
  draft.applyAll(changes);
  const result = draft.result(false);
  if (differenceCount(confState.voters, result.confState.voters) > 1) {
    throw new ConfChangeError("more than one voter changed without entering joint config");
  }
  return result;
}

/** @throws ConfChangeError */
export function enterJoint(
  confState: ConfState,
  changes: readonly ConfChangeSingle[],
  autoLeave: boolean,
): ConfChangeResult {
  if (isJoint(confState)) throw new ConfChangeError("config is already joint");
  if (confState.voters.length === 0) throw new ConfChangeError("can't make a zero-voter config joint");
  const draft = new Draft({ ...confState, votersOutgoing: confState.voters });
  draft.applyAll(changes);
  return draft.result(autoLeave);
}

/** @throws ConfChangeError */
export function leaveJoint(confState: ConfState): ConfChangeResult {
  if (!isJoint(confState)) throw new ConfChangeError("can't leave a non-joint config");
  const learners = sortedMembers([...confState.learners, ...confState.learnersNext]);
  const left = confState.votersOutgoing.filter((id) => !confState.voters.includes(id) && !learners.includes(id));
  return {
    confState: { voters: confState.voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false },
    forgotten: new Set(left),
  };
}

function isJoint(confState: ConfState): boolean {
  return confState.votersOutgoing.length > 0;
}

/** A configuration being changed, one member at a time. */
class Draft {
  readonly #voters: Set<MemberId>;
  readonly #learners: Set<MemberId>;
  readonly #learnersNext: Set<MemberId>;
  readonly #outgoing: ReadonlySet<MemberId>;
  readonly #forgotten = new Set<MemberId>();

  constructor(confState: ConfState) {
    this.#voters = new Set(confState.voters);
    this.#learners = new Set(confState.learners);
    this.#learnersNext = new Set(confState.learnersNext);
    this.#outgoing = new Set(confState.votersOutgoing);
  }

  applyAll(changes: readonly ConfChangeSingle[]): void {
    for (const change of changes) {
      if (change.nodeId !== 0n) this.#apply(change);
    }
    if (this.#voters.size === 0) throw new ConfChangeError("removed all voters"); // I2
  }

  #apply(change: ConfChangeSingle): void {
    const id = change.nodeId;
    switch (change.type) {
      case "addNode":
        this.#learners.delete(id);
        this.#learnersNext.delete(id);
        this.#voters.add(id);
        return;
      case "addLearnerNode":
        this.#voters.delete(id);
        if (this.#outgoing.has(id))
          this.#learnersNext.add(id); // I3
        else this.#learners.add(id);
        return;
      case "removeNode":
        this.#voters.delete(id);
        this.#learners.delete(id);
        this.#learnersNext.delete(id);
        if (!this.#outgoing.has(id)) this.#forgotten.add(id);
        return;
      case "updateNode":
        return;
    }
  }

  result(autoLeave: boolean): ConfChangeResult {
    return {
      confState: {
        voters: sortedMembers(this.#voters),
        learners: sortedMembers(this.#learners),
        votersOutgoing: sortedMembers(this.#outgoing),
        learnersNext: sortedMembers(this.#learnersNext),
        autoLeave,
      },
      forgotten: this.#forgotten,
    };
  }
}
