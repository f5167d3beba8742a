/**
 * Raft's messages as `raftpb.Message`, with etcd's field numbers; fields of value zero are left out. Written by hand
 * in two passes (size, bytes), because every entry goes through here once per follower.
 */
import { assert, emptyBytes } from "@triarch/base";
import type { Entry, EntryType, MemberId, Message, MessageType, Snapshot } from "@triarch/raft";
import { decodeSnapshot, encodedSnapshot } from "./snapshot-codec.ts";
import { DecodeError, encodedId, varintBytes, WireReader, writeVarint } from "./varint.ts";

/** In the order of their numbers. */
const messageTypes: readonly MessageType[] = [
  "MsgHup",
  "MsgBeat",
  "MsgProp",
  "MsgApp",
  "MsgAppResp",
  "MsgVote",
  "MsgVoteResp",
  "MsgSnap",
  "MsgHeartbeat",
  "MsgHeartbeatResp",
  "MsgUnreachable",
  "MsgSnapStatus",
  "MsgCheckQuorum",
  "MsgTransferLeader",
  "MsgTimeoutNow",
  "MsgReadIndex",
  "MsgReadIndexResp",
  "MsgPreVote",
  "MsgPreVoteResp",
  "MsgStorageAppend",
  "MsgStorageAppendResp",
  "MsgStorageApply",
  "MsgStorageApplyResp",
  "MsgForgetLeader",
];
const typeNumbers = new Map(messageTypes.map((type, number) => [type, number]));
const entryTypes: readonly EntryType[] = ["normal", "confChange", "confChangeV2"];
const noEntries: readonly Entry[] = [];
const noResponses: readonly Message[] = [];

/** Tags of fields that hold a number: field number and wire type 0. */
const tag = { type: 0x08, to: 0x10, from: 0x18, term: 0x20, logTerm: 0x28, index: 0x30, commit: 0x40 } as const;
const tagReject = 0x50;
const tagRejectHint = 0x58;
const tagVote = 0x68;
/** Tags of fields with a length. */
const tagEntries = 0x3a;
const tagSnapshot = 0x4a;
const tagContext = 0x62;
const tagEntry = { type: 0x08, term: 0x10, index: 0x18, data: 0x22 } as const;

/** @param term replaces the message's own, where the sender stamps one */
export function messageBytes(message: Message, term = message.term): number {
  assert(message.responses.length === 0, `${message.type} for the network carries no responses`);
  let bytes = 2 + idFieldBytes(message.to) + idFieldBytes(message.from) + idFieldBytes(message.vote);
  bytes += numberFieldBytes(term) + numberFieldBytes(message.logTerm) + numberFieldBytes(message.index);
  bytes += numberFieldBytes(message.commit) + numberFieldBytes(message.rejectHint);
  if (message.reject) bytes += 2;
  for (const entry of message.entries) bytes += lengthFieldBytes(entryBytes(entry));
  if (message.context.length > 0) bytes += lengthFieldBytes(message.context.length);
  if (message.snapshot !== undefined) bytes += lengthFieldBytes(encodedSnapshot(message.snapshot).length);
  return bytes;
}

/** @returns the position after the message, `messageBytes` further on */
export function writeMessage(out: Uint8Array, start: number, message: Message, term = message.term): number {
  let at = start;
  out[at++] = tag.type;
  at = writeVarint(out, at, typeNumbers.get(message.type) ?? 0);
  at = writeId(out, at, tag.to, message.to);
  at = writeId(out, at, tag.from, message.from);
  at = writeNumber(out, at, tag.term, term);
  at = writeNumber(out, at, tag.logTerm, message.logTerm);
  at = writeNumber(out, at, tag.index, message.index);
  for (const entry of message.entries) at = writeEntry(out, at, entry);
  at = writeNumber(out, at, tag.commit, message.commit);
  if (message.snapshot !== undefined) at = writeBytes(out, at, tagSnapshot, encodedSnapshot(message.snapshot));
  if (message.reject) {
    out[at++] = tagReject;
    out[at++] = 1;
  }
  at = writeNumber(out, at, tagRejectHint, message.rejectHint);
  if (message.context.length > 0) at = writeBytes(out, at, tagContext, message.context);
  return writeId(out, at, tagVote, message.vote);
}

export function encodeMessage(message: Message): Uint8Array {
  const out = new Uint8Array(messageBytes(message));
  writeMessage(out, 0, message);
  return out;
}

/**
 * Data and context are copied out of `bytes`.
 * @throws DecodeError
 */
export function decodeMessage(bytes: Uint8Array, start = 0, end = bytes.length): Message {
  const reader = new WireReader(bytes, start, end);
  let type: MessageType = "MsgHup";
  let to: MemberId = 0n;
  let from: MemberId = 0n;
  let vote: MemberId = 0n;
  let term = 0;
  let logTerm = 0;
  let index = 0;
  let commit = 0;
  let rejectHint = 0;
  let reject = false;
  let context = emptyBytes;
  let snapshot: Snapshot | undefined;
  let entries: Entry[] | undefined;
  while (reader.more) {
    const fieldTag = reader.varint();
    if (fieldTag === tagEntries) (entries ??= []).push(readEntry(reader));
    else if (fieldTag === tag.type) type = typeOf(reader.varint());
    else if (fieldTag === tag.to) to = reader.id();
    else if (fieldTag === tag.from) from = reader.id();
    else if (fieldTag === tag.term) term = reader.varint();
    else if (fieldTag === tag.logTerm) logTerm = reader.varint();
    else if (fieldTag === tag.index) index = reader.varint();
    else if (fieldTag === tag.commit) commit = reader.varint();
    else if (fieldTag === tagReject) reject = reader.varint() !== 0;
    else if (fieldTag === tagRejectHint) rejectHint = reader.varint();
    else if (fieldTag === tagVote) vote = reader.id();
    else if (fieldTag === tagContext) context = readBytes(reader);
    else if (fieldTag === tagSnapshot) snapshot = decodeSnapshot(readBytes(reader));
    else reader.skip(fieldTag & 7);
  }
  const responses = noResponses;
  const fields = { type, to, from, term, logTerm, index, entries: entries ?? noEntries, commit };
  return { ...fields, vote, snapshot, reject, rejectHint, context, responses };
}

function typeOf(number: number): MessageType {
  const type = messageTypes[number];
  if (type === undefined) throw new DecodeError(`message type ${number} is not known here`);
  return type;
}

function entryBytes(entry: Entry): number {
  const data = entry.data.length === 0 ? 0 : lengthFieldBytes(entry.data.length);
  return (entry.type === "normal" ? 0 : 2) + numberFieldBytes(entry.term) + numberFieldBytes(entry.index) + data;
}

function writeEntry(out: Uint8Array, start: number, entry: Entry): number {
  out[start] = tagEntries;
  let at = writeVarint(out, start + 1, entryBytes(entry));
  if (entry.type !== "normal") at = writeNumber(out, at, tagEntry.type, entryTypes.indexOf(entry.type));
  at = writeNumber(out, at, tagEntry.term, entry.term);
  at = writeNumber(out, at, tagEntry.index, entry.index);
  return entry.data.length === 0 ? at : writeBytes(out, at, tagEntry.data, entry.data);
}

function readEntry(reader: WireReader): Entry {
  const end = reader.lengthDelimited();
  const entry = readEntryFields(new WireReader(reader.bytes, reader.at, end));
  reader.at = end;
  return entry;
}

function readEntryFields(reader: WireReader): Entry {
  let type: EntryType = "normal";
  let term = 0;
  let index = 0;
  let data = emptyBytes;
  while (reader.more) {
    const fieldTag = reader.varint();
    if (fieldTag === tagEntry.term) term = reader.varint();
    else if (fieldTag === tagEntry.index) index = reader.varint();
    else if (fieldTag === tagEntry.data) data = readBytes(reader);
    else if (fieldTag === tagEntry.type) type = entryTypes[reader.varint()] ?? unknownEntryType();
    else reader.skip(fieldTag & 7);
  }
  return { term, index, type, data };
}

function unknownEntryType(): never {
  throw new DecodeError("an entry's type is not known here");
}

function readBytes(reader: WireReader): Uint8Array {
  const end = reader.lengthDelimited();
  const copy = new Uint8Array(end - reader.at);
  copy.set(reader.bytes.subarray(reader.at, end));
  reader.at = end;
  return copy;
}

function numberFieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

function idFieldBytes(id: MemberId): number {
  return id === 0n ? 0 : 1 + encodedId(id).length;
}

function lengthFieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

function writeNumber(out: Uint8Array, at: number, fieldTag: number, value: number): number {
  if (value === 0) return at;
  out[at] = fieldTag;
  return writeVarint(out, at + 1, value);
}

function writeId(out: Uint8Array, at: number, fieldTag: number, id: MemberId): number {
  if (id === 0n) return at;
  out[at] = fieldTag;
  const bytes = encodedId(id);
  out.set(bytes, at + 1);
  return at + 1 + bytes.length;
}

function writeBytes(out: Uint8Array, start: number, fieldTag: number, bytes: Uint8Array): number {
  out[start] = fieldTag;
  const at = writeVarint(out, start + 1, bytes.length);
  out.set(bytes, at);
  return at + bytes.length;
}
