// A watch in protobuf: each event is a WatchEvent { type, object { raw } } behind its length, four bytes, the high one
// first. `raw` is a whole body with the envelope of its kind; the event itself has none.
import protobuf from "protobufjs/minimal.js";
import type { JsonObject } from "../json.ts";
import { textAt } from "../meta/mutable.ts";
import { encodeProtobuf } from "./envelope.ts";

const lengthBytes = 4;

/**
 * @param object with its apiVersion and kind
 * @throws ProtobufError for an unknown kind or a value that its field cannot hold
 */
export function encodeWatchFrame(type: string, object: JsonObject): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32((1 << 3) | 2).string(type);
  writer.uint32((2 << 3) | 2).fork();
  writer.uint32((1 << 3) | 2).bytes(encodeProtobuf(textAt(object, "apiVersion"), textAt(object, "kind"), object));
  const event = writer.ldelim().finish();
  const frame = new Uint8Array(lengthBytes + event.length);
  new DataView(frame.buffer).setUint32(0, event.length);
  frame.set(event, lengthBytes);
  return frame;
}
