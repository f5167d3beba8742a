/** Building messages, and telling which may come from where. */
import { emptyBytes } from "@triarch/base";
import { noMember } from "./types.ts";
import type { MemberId, Message, MessageType } from "./types.ts";

/** Addressees inside the member: who writes the log, and who applies entries (asynchronous storage writes). */
export const localAppendThread: MemberId = 0xffffffffffffffffn;
export const localApplyThread: MemberId = 0xfffffffffffffffen;

export function isLocalThread(id: MemberId): boolean {
  return id === localAppendThread || id === localApplyThread;
}

/** Must not be accepted from the network. */
export function isLocalMessage(type: MessageType): boolean {
  switch (type) {
    case "MsgHup":
    case "MsgBeat":
    case "MsgUnreachable":
    case "MsgSnapStatus":
    case "MsgCheckQuorum":
    case "MsgStorageAppend":
    case "MsgStorageAppendResp":
    case "MsgStorageApply":
    case "MsgStorageApplyResp":
      return true;
    default:
      return false;
  }
}

/** Only members of the configuration may send these. */
export function isResponseMessage(type: MessageType): boolean {
  switch (type) {
    case "MsgAppResp":
    case "MsgVoteResp":
    case "MsgHeartbeatResp":
    case "MsgUnreachable":
    case "MsgReadIndexResp":
    case "MsgPreVoteResp":
    case "MsgStorageAppendResp":
    case "MsgStorageApplyResp":
      return true;
    default:
      return false;
  }
}

/** Every field that is not given is zero or empty. All messages share one shape, which keeps their use monomorphic. */
export function makeMessage(type: MessageType, fields: Partial<Message>): Message {
  return {
    type,
    to: fields.to ?? noMember,
    from: fields.from ?? noMember,
    term: fields.term ?? 0,
    logTerm: fields.logTerm ?? 0,
    index: fields.index ?? 0,
    entries: fields.entries ?? [],
    commit: fields.commit ?? 0,
    vote: fields.vote ?? noMember,
    snapshot: fields.snapshot,
    reject: fields.reject ?? false,
    rejectHint: fields.rejectHint ?? 0,
    context: fields.context ?? emptyBytes,
    responses: fields.responses ?? [],
  };
}
