/**
 * Who talks to whom: the dialer says which cluster and member it is and whom it wants; the other side answers with its
 * own identity, or with the reason why it refuses. Both log a refusal. Under TLS both also have a certificate of the
 * peers' authority.
 */
import { utf8, utf8Text } from "@triarch/base";
import type { MemberId } from "@triarch/raft";
import { DecodeError } from "../codec/varint.ts";

export const protocolVersion = 1;

/**
 * `control`: votes, heartbeats, acknowledgements. `bulk`: appends and proposals. `snapshot`: one state, then closed.
 * `state`: the dialer wants a state.
 */
export type ConnectionKind = "control" | "bulk" | "snapshot" | "state";
const connectionKinds: readonly string[] = ["control", "bulk", "snapshot", "state"] satisfies ConnectionKind[];

export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
}

export interface Hello extends Identity {
  readonly version: number;
  /** The member's log has never seen a leader. */
  readonly fresh?: boolean;
  readonly to: MemberId;
  readonly kind: ConnectionKind;
}

/** `refusal` empty: welcome. */
export interface Answer extends Identity {
  readonly version: number;
  readonly refusal: string;
  /** The caller was a member and is none any more: it need not try again, here or elsewhere. */
  readonly removed: boolean;
  /** The caller has been here before and comes without its log: it has forgotten its vote. */
  readonly lostLog?: boolean;
  /** As in `Hello`, of the one who answers. */
  readonly fresh?: boolean;
}

export function encodeHello(hello: Hello): Uint8Array {
  return encode({ ...hello, ...identityText(hello), to: hello.to.toString() });
}

/** @throws DecodeError */
export function decodeHello(payload: Uint8Array): Hello {
  const { fields, ...rest } = decode(payload);
  const kind = fields["kind"];
  if (typeof kind !== "string" || !connectionKinds.includes(kind)) throw new DecodeError("the hello names no kind");
  return { ...rest, to: idOf(fields["to"]), kind: kind as ConnectionKind, ...flag(fields, "fresh") };
}

export function encodeAnswer(answer: Answer): Uint8Array {
  return encode({ ...answer, ...identityText(answer) });
}

/** @throws DecodeError */
export function decodeAnswer(payload: Uint8Array): Answer {
  const { fields, ...rest } = decode(payload);
  const refusal = typeof fields["refusal"] === "string" ? fields["refusal"] : "";
  const isRefusal = refusal !== "";
  return {
    ...{ ...rest, refusal, ...flag(fields, "fresh") },
    removed: isRefusal && fields["removed"] === true,
    ...(isRefusal ? flag(fields, "lostLog") : {}),
  };
}

export interface RemovedMembers {
  has(id: MemberId): boolean;
}

/** A member must not vote twice in a term: one that lost its log may not come back under its id. */
export function lostLogText(id: MemberId): string {
  return `member ${id.toString(16)} has been in this cluster and comes without its log: it must be replaced under a new id`;
}

/** @returns why the caller is not welcome; empty if it is */
export function refusalOf(hello: Hello, own: Identity, removed: RemovedMembers): string {
  if (hello.version !== protocolVersion) {
    return `protocol version ${hello.version} is not ${protocolVersion}: run the same version on all members`;
  }
  if (hello.clusterId !== own.clusterId) {
    return `cluster ${hello.clusterId.toString(16)} is not ${own.clusterId.toString(16)}: check addresses and cluster token`;
  }
  if (hello.to !== own.memberId) {
    return `member ${hello.to.toString(16)} was called, this is ${own.memberId.toString(16)}: check the peer URLs`;
  }
  if (hello.memberId === own.memberId) return "it has this member's own id: check its name and peer URL";
  if (removed.has(hello.memberId)) return `member ${hello.memberId.toString(16)} was removed from the cluster`;
  return "";
}

/** Absent is false. */
function flag<N extends string>(fields: Readonly<Record<string, unknown>>, name: N): { readonly [name in N]?: true } {
  return (fields[name] === true ? { [name]: true } : {}) as { readonly [name in N]?: true };
}

function identityText({ clusterId, memberId }: Identity): { clusterId: string; memberId: string } {
  return { clusterId: clusterId.toString(), memberId: memberId.toString() };
}

function encode(fields: object): Uint8Array {
  return utf8(JSON.stringify(fields));
}

function decode(payload: Uint8Array): Identity & { version: number; fields: Readonly<Record<string, unknown>> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8Text(payload));
  } catch (error) {
    throw new DecodeError("the handshake is not JSON: a stranger, or another protocol", { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null) throw new DecodeError("the handshake is no JSON object");
  const fields = parsed as Record<string, unknown>;
  const version = typeof fields["version"] === "number" ? fields["version"] : 0;
  return { version, clusterId: idOf(fields["clusterId"]), memberId: idOf(fields["memberId"]), fields };
}

function idOf(text: unknown): bigint {
  if (typeof text !== "string" || !/^[0-9]{1,20}$/.test(text)) throw new DecodeError("the handshake lacks an id");
  return BigInt(text);
}
