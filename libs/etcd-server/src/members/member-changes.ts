import { utf8, utf8Text } from "@triarch/base";
import { decodeConfChange, type ConfChange, type ConfChangeSingle, type ConfState, type Entry } from "@triarch/raft";
import type { BucketRow } from "@triarch/store-level";
import type { StoreMember } from "../store-client.ts";
import { memberRow, removedRow, type Membership } from "./membership.ts";

/**
 * A change of who belongs to the cluster, as it stands in the log: a configuration change of Raft's whose context says
 * what Raft does not care about. One change is a ConfChange with etcd's context, a member as JSON and `isPromote`; several
 * are one ConfChangeV2 through a joint configuration, their contexts in a list.
 * Source: etcd server/etcdserver/api/membership (Member, ConfigChangeContext).
 */
export type MemberChange =
  | { readonly kind: "add"; readonly member: StoreMember }
  /** Only `id` and `peerUrls` count. */
  | { readonly kind: "update"; readonly member: StoreMember }
  | { readonly kind: "promote"; readonly id: bigint }
  | { readonly kind: "remove"; readonly id: bigint };

/** @param requestId who proposed it knows it again by this */
export function confChangeOf(requestId: bigint, changes: readonly MemberChange[]): ConfChange {
  const [first] = changes;
  if (first !== undefined && changes.length === 1) {
    return { version: 1, id: requestId, ...singleOf(first), context: utf8(contextText(first)) };
  }
  const context = `{"requestId":"${requestId}","changes":[${changes.map(contextText).join()}]}`;
  return { version: 2, transition: "jointImplicit", changes: changes.map(singleOf), context: utf8(context) };
}

function singleOf(change: MemberChange): ConfChangeSingle {
  switch (change.kind) {
    case "add":
      return { type: change.member.isLearner ? "addLearnerNode" : "addNode", nodeId: change.member.id };
    case "promote":
      return { type: "addNode", nodeId: change.id };
    case "remove":
      return { type: "removeNode", nodeId: change.id };
    case "update":
      return { type: "updateNode", nodeId: change.member.id };
  }
}

function contextText(change: MemberChange): string {
  const isPromote = change.kind === "promote";
  if (change.kind === "remove" || isPromote) {
    // The id has 64 bits, more than JSON.stringify writes exactly.
    return `{"id":${change.id},"peerURLs":null,"isPromote":${isPromote}}`;
  }
  const { id, peerUrls, name, isLearner } = change.member;
  const rest = { peerURLs: peerUrls, ...(isLearner ? { isLearner } : {}), ...(name === "" ? {} : { name }), isPromote };
  return `{"id":${id},${JSON.stringify(rest).slice(1)}`;
}

interface ChangeContext {
  readonly peerURLs?: readonly string[] | null;
  readonly name?: string;
  readonly isPromote?: boolean;
}

/** What a configuration change in the log says. `requestId` 0n: nobody waits for it. */
export interface LoggedChange {
  readonly requestId: bigint;
  readonly changes: readonly (ConfChangeSingle & { readonly context: ChangeContext })[];
}

/** @throws SyntaxError when the context is none of ours */
export function loggedChangeOf(entry: Entry): LoggedChange {
  const change = decodeConfChange(entry.type, entry.data);
  if (change.version === 1) {
    const context = parsed(change.context) as ChangeContext;
    return { requestId: change.id, changes: [{ type: change.type, nodeId: change.nodeId, context }] };
  }
  const { requestId = "0", changes = [] } = parsed(change.context) as {
    readonly requestId?: string;
    readonly changes?: readonly ChangeContext[];
  };
  return {
    requestId: BigInt(requestId),
    changes: change.changes.map((one, i) => ({ ...one, context: changes[i] ?? {} })),
  };
}

function parsed(context: Uint8Array): unknown {
  return context.length === 0 ? {} : JSON.parse(utf8Text(context));
}

/**
 * Brings the membership to what Raft made of the change. Deterministic: the entry and the configuration decide.
 * A voter on its way out through a joint configuration stays until that is left.
 *
 * @param confState in force from this entry on
 * @returns rows to be made durable
 */
export function applyMemberChange(membership: Membership, logged: LoggedChange, confState: ConfState): BucketRow[] {
  const learners = new Set([...confState.learners, ...confState.learnersNext]);
  const present = new Set([...confState.voters, ...confState.votersOutgoing, ...learners]);
  const rows: BucketRow[] = [];
  for (const { type, nodeId: id, context } of logged.changes) {
    if (type === "removeNode" || !present.has(id)) continue;
    const known = membership.get(id) ?? {
      id,
      name: context.name ?? "",
      peerUrls: [],
      clientUrls: [],
      isLearner: false,
    };
    const peerUrls = context.isPromote === true ? known.peerUrls : (context.peerURLs ?? known.peerUrls);
    const member = { ...known, peerUrls, isLearner: learners.has(id) };
    membership.set(member);
    rows.push({ bucket: "members", ...memberRow(member) });
  }
  for (const { id } of membership.list()) {
    if (present.has(id)) continue;
    membership.remove(id);
    rows.push({ bucket: "members", key: memberRow({ ...gone, id }).key, value: undefined });
    rows.push({ bucket: "members_removed", ...removedRow(id) });
  }
  return rows;
}

const gone: Omit<StoreMember, "id"> = { name: "", peerUrls: [], clientUrls: [], isLearner: false };
