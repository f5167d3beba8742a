/** The messages of one batch as the bytes that run over a connection, and back, for other ways to the peers. */
import type { Message } from "@triarch/raft";
import { decodeMessage } from "../codec/message-codec.ts";
import { DecodeError } from "../codec/varint.ts";
import { FrameReader, frameTypes, messageFrames } from "./frames.ts";

/** @param proposalTerm goes along with proposals */
export function encodeMessages(messages: readonly Message[], proposalTerm: number): Uint8Array {
  return messageFrames(messages, proposalTerm);
}

/** @throws DecodeError */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  new FrameReader().push(bytes, ({ type, bytes: frames, start, end }) => {
    if (type !== frameTypes.message) throw new DecodeError(`frame type ${type} among messages`);
    messages.push(decodeMessage(frames, start, end));
  });
  return messages;
}
