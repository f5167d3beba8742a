import type { RaftConfig } from "./config.ts";
import type { ConfChange } from "./confchange/conf-change.ts";
import type { ProposalOutcome, StepOutcome } from "./outcome.ts";
import type { RaftStatus } from "./status.ts";
import type { ConfState, MemberId, Message, Ready } from "./types.ts";

/** Signatures first; the behaviour follows in the next commits. */
export declare class RawNode {
  constructor(config: RaftConfig);
  tick(): void;
  campaign(): void;
  propose(data: Uint8Array): ProposalOutcome;
  proposeAll(payloads: readonly Uint8Array[]): ProposalOutcome;
  proposeConfChange(change: ConfChange): ProposalOutcome;
  step(message: Message): StepOutcome;
  hasReady(): boolean;
  ready(): Ready;
  advance(): void;
  applyConfChange(change: ConfChange): ConfState;
  readIndex(requestContext: Uint8Array): void;
  transferLeadership(to: MemberId): void;
  forgetLeader(): void;
  reportUnreachable(id: MemberId): void;
  reportSnapshot(id: MemberId, ok: boolean): void;
  status(): RaftStatus;
}
