/**
 * `raftpb.Snapshot` {data=1, metadata=2 {confState=1, index=2, term=3}} with
 * ConfState {voters=1, learners=2, votersOutgoing=3, learnersNext=4, autoLeave=5}. The data is not in the message: the
 * state travels beside it. Rare, so written for shortness.
 */
import { concatBytes, emptyBytes } from "@triarch/base";
import type { ConfState, MemberId, Snapshot } from "@triarch/raft";
import { encodedId, varintBytes, WireReader, writeVarint } from "./varint.ts";

export function encodedSnapshot(snapshot: Snapshot): Uint8Array {
  const metadata = concatBytes([
    withLength(0x0a, encodedConfState(snapshot.confState)),
    number(0x10, snapshot.index),
    number(0x18, snapshot.term),
  ]);
  return withLength(0x12, metadata);
}

export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  let index = 0;
  let term = 0;
  let confState: ConfState = decodeConfState(new WireReader(emptyBytes));
  const reader = new WireReader(bytes);
  while (reader.more) {
    const fieldTag = reader.varint();
    if (fieldTag !== 0x12) {
      reader.skip(fieldTag & 7);
      continue;
    }
    const metadata = inner(reader);
    while (metadata.more) {
      const metadataTag = metadata.varint();
      if (metadataTag === 0x0a) confState = decodeConfState(inner(metadata));
      else if (metadataTag === 0x10) index = metadata.varint();
      else if (metadataTag === 0x18) term = metadata.varint();
      else metadata.skip(metadataTag & 7);
    }
  }
  return { index, term, confState, data: emptyBytes };
}

function encodedConfState(confState: ConfState): Uint8Array {
  const ids = (fieldTag: number, list: readonly MemberId[]): Uint8Array[] =>
    list.map((id) => concatBytes([Uint8Array.of(fieldTag), encodedId(id)]));
  return concatBytes([
    ...ids(0x08, confState.voters),
    ...ids(0x10, confState.learners),
    ...ids(0x18, confState.votersOutgoing),
    ...ids(0x20, confState.learnersNext),
    confState.autoLeave ? Uint8Array.of(0x28, 1) : emptyBytes,
  ]);
}

function decodeConfState(reader: WireReader): ConfState {
  const lists: MemberId[][] = [[], [], [], []];
  let autoLeave = false;
  while (reader.more) {
    const fieldTag = reader.varint();
    const list = (fieldTag & 7) === 0 ? lists[(fieldTag >>> 3) - 1] : undefined;
    if (list !== undefined) list.push(reader.id());
    else if (fieldTag === 0x28) autoLeave = reader.varint() !== 0;
    else reader.skip(fieldTag & 7);
  }
  const [voters, learners, votersOutgoing, learnersNext] = lists as [MemberId[], MemberId[], MemberId[], MemberId[]];
  return { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

function inner(reader: WireReader): WireReader {
  const end = reader.lengthDelimited();
  const part = new WireReader(reader.bytes, reader.at, end);
  reader.at = end;
  return part;
}

function number(fieldTag: number, value: number): Uint8Array {
  const out = new Uint8Array(1 + varintBytes(value));
  out[0] = fieldTag;
  writeVarint(out, 1, value);
  return out;
}

function withLength(fieldTag: number, bytes: Uint8Array): Uint8Array {
  return concatBytes([number(fieldTag, bytes.length), bytes]);
}
