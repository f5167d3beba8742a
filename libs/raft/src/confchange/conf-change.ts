/**
 * A change of membership as it is proposed and stored in the log. A ConfChange (v1) changes one member; a ConfChangeV2
 * changes several, through a joint configuration when there is more than one change or the transition asks for it.
 */
import { emptyBytes } from "@triarch/base";
import type { MemberId } from "../types.ts";

export type ConfChangeType = "addNode" | "removeNode" | "updateNode" | "addLearnerNode";

/** `auto`: joint only for several changes, left by itself. `jointImplicit`: joint, left by itself. `jointExplicit`: joint, left on request. */
export type ConfChangeTransition = "auto" | "jointImplicit" | "jointExplicit";

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  /** Zero is ignored: a change that was refused when it was about to be applied. */
  readonly nodeId: MemberId;
}

/** Without changes and with `auto` it leaves the joint configuration. */
export interface ConfChangeV2 {
  readonly version: 2;
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  /** Opaque to Raft. */
  readonly context: Uint8Array;
}

export interface ConfChangeV1 {
  readonly version: 1;
  readonly type: ConfChangeType;
  readonly nodeId: MemberId;
  /** Opaque to Raft. */
  readonly context: Uint8Array;
  /** Set by callers that match the applied change to their request; 0 otherwise. */
  readonly id: bigint;
}

export type ConfChange = ConfChangeV1 | ConfChangeV2;

export const leaveJointChange: ConfChangeV2 = { version: 2, transition: "auto", changes: [], context: emptyBytes };

export function asConfChangeV2(change: ConfChange): ConfChangeV2 {
  if (change.version === 2) return change;
  return {
    version: 2,
    transition: "auto",
    changes: [{ type: change.type, nodeId: change.nodeId }],
    context: change.context,
  };
}

export type ChangeProtocol =
  | { readonly kind: "leaveJoint" }
  | { readonly kind: "enterJoint"; readonly autoLeave: boolean }
  | { readonly kind: "simple" };

/** Which way through the configurations a change takes. */
export function protocolOf(change: ConfChangeV2): ChangeProtocol {
  if (change.transition === "auto" && change.changes.length === 0) return { kind: "leaveJoint" };
  if (change.transition !== "auto" || change.changes.length > 1) {
    return { kind: "enterJoint", autoLeave: change.transition !== "jointExplicit" };
  }
  return { kind: "simple" };
}
