// What a log entry asks for, in a few words: the kind of request and the key, or whom a change of members is about.
import { utf8Text } from "@triarch/base";
import { InternalRaftRequest, type RequestOp } from "@triarch/etcd-proto";
import { decodeConfChange, type ConfChange, type Entry } from "@triarch/raft";

export interface EntryDescription {
  /** "put", "txn", "addLearnerNode"; "empty" for a leader's first; "unreadable". */
  readonly request: string;
  /** What it is about; empty where there is nothing to name. */
  readonly subject: string;
}

/** Keys of a transaction that are named; the rest is counted. */
const keysNamedMax = 3;

export function describeEntry(entry: Entry): EntryDescription {
  if (entry.data.length === 0) return { request: "empty", subject: "" };
  try {
    if (entry.type !== "normal") return describeConfChange(decodeConfChange(entry.type, entry.data));
    return describeRequest(InternalRaftRequest.decode(entry.data));
  } catch (error) {
    return { request: "unreadable", subject: error instanceof Error ? error.message : String(error) };
  }
}

function describeConfChange(change: ConfChange): EntryDescription {
  const changes = change.version === 1 ? [{ type: change.type, nodeId: change.nodeId }] : change.changes;
  if (changes.length === 0) return { request: "leaveJoint", subject: "" };
  return {
    request: changes.map(({ type }) => type).join(","),
    subject: changes.map(({ nodeId }) => nodeId.toString(16)).join(","),
  };
}

function describeRequest(request: InternalRaftRequest): EntryDescription {
  const { put, deleteRange, txn, compaction, leaseGrant, leaseRevoke, clusterMemberAttrSet } = request;
  if (put !== undefined) return { request: "put", subject: keyText(put.key) };
  if (deleteRange !== undefined) return { request: "deleteRange", subject: rangeText(deleteRange) };
  if (txn !== undefined)
    return { request: "txn", subject: namedKeys([...txn.success, ...txn.failure].map(operationText)) };
  if (compaction !== undefined) return { request: "compaction", subject: `revision ${compaction.revision}` };
  if (leaseGrant !== undefined) return { request: "leaseGrant", subject: leaseGrant.id.toString(16) };
  if (leaseRevoke !== undefined) return { request: "leaseRevoke", subject: leaseRevoke.id.toString(16) };
  if (clusterMemberAttrSet !== undefined) {
    return { request: "memberAttributes", subject: clusterMemberAttrSet.memberId.toString(16) };
  }
  const kind = Object.entries(request).find(([name, value]) => !["id", "header"].includes(name) && value !== undefined);
  return { request: kind?.[0] ?? "nothing", subject: "" };
}

function operationText({ requestPut, requestDeleteRange, requestRange, requestTxn }: RequestOp): string {
  if (requestPut !== undefined) return `put ${keyText(requestPut.key)}`;
  if (requestDeleteRange !== undefined) return `delete ${rangeText(requestDeleteRange)}`;
  if (requestRange !== undefined) return `get ${rangeText(requestRange)}`;
  return requestTxn === undefined ? "nothing" : "txn";
}

/** Alternatives of a transaction often name one key. */
function namedKeys(texts: readonly string[]): string {
  const different = [...new Set(texts)];
  const rest = different.length - keysNamedMax;
  return [...different.slice(0, keysNamedMax), ...(rest > 0 ? [`and ${rest} more`] : [])].join(", ");
}

function rangeText({ key, rangeEnd }: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }): string {
  return rangeEnd.length === 0 ? keyText(key) : `[${keyText(key)}, ${keyText(rangeEnd)})`;
}

/** Printable text as it is, anything else in hexadecimal. */
export function keyText(key: Uint8Array): string {
  const text = utf8Text(key);
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(text) && !text.includes("\ufffd")
    ? text
    : `0x${Buffer.from(key).toString("hex")}`;
}
