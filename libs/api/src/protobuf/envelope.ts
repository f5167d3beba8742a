// Kubernetes' protobuf bodies: `k8s\0`, then runtime.Unknown { typeMeta { apiVersion, kind }, raw }, where raw is the
// message of the kind. Objects inside lists carry neither apiVersion nor kind, in protobuf as in JSON.
import { concatBytes, equalBytes } from "@triarch/base";
import protobuf from "protobufjs/minimal.js";
import type { JsonObject } from "../json.ts";
import { type MutableObject, textAt } from "../meta/mutable.ts";
import { typeNameOfKind } from "../schema/type-table.ts";
import { readMessage } from "./decoder.ts";
import { writeMessage } from "./encoder.ts";
import { magic, ProtobufError } from "./wire.ts";

export interface ProtobufDocument {
  readonly apiVersion: string;
  readonly kind: string;
  /** As Kubernetes' JSON would have it, `apiVersion` and `kind` included. */
  readonly object: MutableObject;
}

export function isProtobuf(body: Uint8Array): boolean {
  return equalBytes(body.subarray(0, magic.length), magic);
}

/**
 * Reads the body of any built-in kind: objects, lists, DeleteOptions, Scale, Binding, Eviction and so on.
 *
 * @throws ProtobufError for bytes that are no such body, an unknown kind, or nesting past `nestingDepthMax`
 * Cost: O(body); the result holds no reference to `body`.
 */
export function decodeProtobuf(body: Uint8Array): ProtobufDocument {
  if (!isProtobuf(body)) throw new ProtobufError("protobuf: the body does not start with the bytes 6b 38 73 00");
  try {
    const { apiVersion, kind, raw } = readEnvelope(body);
    const typeName = typeNameOfKind(apiVersion, kind);
    if (typeName === undefined)
      throw new ProtobufError(
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`,
      );
    const object = readMessage(typeName, protobuf.Reader.create(raw), raw.length);
    return { apiVersion, kind, object: { kind, apiVersion, ...object } };
  } catch (error) {
    if (error instanceof ProtobufError) throw error;
    throw new ProtobufError(`protobuf: the body is cut off or malformed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Writes an object of a built-in kind, byte for byte as Kubernetes does.
 *
 * @throws ProtobufError for an unknown kind or a value that its field cannot hold
 */
export function encodeProtobuf(apiVersion: string, kind: string, object: JsonObject): Uint8Array {
  const typeName = typeNameOfKind(apiVersion, kind);
  if (typeName === undefined) throw new ProtobufError(`protobuf: ${apiVersion} ${kind} has no message`);
  const writer = protobuf.Writer.create();
  writer.uint32(tag(1)).fork().uint32(tag(1)).string(apiVersion).uint32(tag(2)).string(kind).ldelim();
  writer.uint32(tag(2)).fork();
  writeMessage(typeName, writer, object);
  writer.ldelim();
  writer.uint32(tag(3)).string("").uint32(tag(4)).string("");
  return concatBytes([magic, writer.finish()]);
}

/** A list on its way into a body: its items are encoded as they come, so that decoded ones need not be kept. */
export interface ProtobufList {
  /** @throws ProtobufError for a value that its field cannot hold */
  add(item: JsonObject): void;
  /** The whole body in pieces. */
  finish(): readonly Uint8Array[];
}

/**
 * As `encodeProtobuf` of a list, item by item.
 * @param head the list without items; its kind ends in `List`
 * @throws ProtobufError for an unknown kind
 */
export function encodeProtobufList(head: JsonObject): ProtobufList {
  const [apiVersion, kind] = [textAt(head, "apiVersion"), textAt(head, "kind")];
  const [listType, itemType] = [typeNameOfKind(apiVersion, kind), typeNameOfKind(apiVersion, kind.slice(0, -4))];
  if (listType === undefined || itemType === undefined || !kind.endsWith("List")) {
    throw new ProtobufError(`protobuf: ${apiVersion} ${kind} has no message`);
  }
  const start = protobuf.Writer.create();
  writeMessage(listType, start, { ...head, items: [] });
  const pieces = [start.finish()];
  return {
    add: (item) => {
      // Every list has its metadata in field 1 and its items in field 2.
      const writer = protobuf.Writer.create();
      writer.uint32(tag(2)).fork();
      writeMessage(itemType, writer, item);
      pieces.push(writer.ldelim().finish());
    },
    finish: () => {
      const before = protobuf.Writer.create();
      before.uint32(tag(1)).fork().uint32(tag(1)).string(apiVersion).uint32(tag(2)).string(kind).ldelim();
      before.uint32(tag(2)).uint32(pieces.reduce((sum, piece) => sum + piece.length, 0));
      const after = protobuf.Writer.create().uint32(tag(3)).string("").uint32(tag(4)).string("");
      return [magic, before.finish(), ...pieces, after.finish()];
    },
  };
}

function readEnvelope(body: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array } {
  const reader = protobuf.Reader.create(body.subarray(magic.length));
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    switch (key) {
      case tag(1): {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) {
          const inner = reader.uint32();
          if (inner === tag(1)) apiVersion = reader.string();
          else if (inner === tag(2)) kind = reader.string();
          else reader.skipType(inner & 7);
        }
        break;
      }
      case tag(2):
        raw = reader.bytes();
        break;
      case tag(3): {
        const encoding = reader.string();
        if (encoding !== "")
          throw new ProtobufError(`protobuf: content encoding ${JSON.stringify(encoding)} is not supported`);
        break;
      }
      default:
        reader.skipType(key & 7);
    }
  }
  return { apiVersion, kind, raw };
}

/** The tag of a length-delimited field. */
function tag(field: number): number {
  return (field << 3) | 2;
}
