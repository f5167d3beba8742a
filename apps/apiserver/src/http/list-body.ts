// The body of a list in parts. However long a list is, one part of it is in memory at a time beside what the cache holds
// anyway: objects are decoded one by one where the form needs it, and what is sent is forgotten. Protobuf says the length
// of the whole in front, so there all items are encoded before the first leaves; also one by one.
import { encodeProtobufList, type JsonObject } from "@triarch/api";
import { utf8 } from "@triarch/base";
import { stringify } from "yaml";
import type { Encoding } from "./accept.ts";
import { joined, listPartBytes } from "./part-buffers.ts";

/** Items encoded between two parts; while protobuf is gathered, between two looks at other requests. */
const itemsPerPause = 100;

/** A list without its items, and they one by one. */
export interface ListShape {
  /** kind, apiVersion, metadata, columnDefinitions. */
  readonly head: JsonObject;
  readonly field: "items" | "rows";
  readonly items: Iterable<JsonObject>;
}

/** @throws what making an item throws, in the part of that item */
export function listParts(shape: ListShape, encoding: Encoding): Generator<Uint8Array> {
  switch (encoding) {
    case "json":
      return jsonListParts(shape, jsonItems(shape.items));
    case "yaml":
      return yamlParts(shape);
    case "protobuf":
      return protobufParts(shape);
  }
}

/** @param items each as JSON, whole */
export function* jsonListParts(
  { head, field }: Pick<ListShape, "head" | "field">,
  items: Iterable<readonly Uint8Array[]>,
): Generator<Uint8Array> {
  const parts = new Parts();
  parts.add(utf8(`${JSON.stringify(head).slice(0, -1)},"${field}":[`));
  let first = true;
  for (const item of items) {
    if (!first) parts.add(comma);
    first = false;
    for (const piece of item) parts.add(piece);
    if (parts.sizeBytes >= listPartBytes) yield parts.take();
  }
  parts.add(end);
  yield parts.take();
}

function* jsonItems(items: Iterable<JsonObject>): Generator<readonly Uint8Array[]> {
  for (const item of items) yield [utf8(JSON.stringify(item))];
}

function* yamlParts({ head, field, items }: ListShape): Generator<Uint8Array> {
  const parts = new Parts();
  parts.add(utf8(stringify(head, yamlOptions)));
  let first = true;
  for (const item of items) {
    if (first) parts.add(utf8(`${field}:\n`));
    first = false;
    parts.add(utf8(stringify([item], yamlOptions)));
    if (parts.sizeBytes >= listPartBytes) yield parts.take();
  }
  if (first) parts.add(utf8(`${field}: []\n`));
  yield parts.take();
}

function* protobufParts({ head, items }: ListShape): Generator<Uint8Array> {
  const list = encodeProtobufList(head);
  let waiting = 0;
  for (const item of items) {
    list.add(item);
    waiting += 1;
    if (waiting % itemsPerPause === 0) yield nothing;
  }
  const parts = new Parts();
  for (const piece of list.finish()) {
    parts.add(piece);
    if (parts.sizeBytes >= listPartBytes) yield parts.take();
  }
  yield parts.take();
}

const yamlOptions = { aliasDuplicateObjects: false };
const comma = utf8(",");
const end = utf8("]}");
const nothing = new Uint8Array(0);

/** Pieces on their way into one part. */
class Parts {
  #pieces: Uint8Array[] = [];
  sizeBytes = 0;

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.sizeBytes += piece.length;
  }

  take(): Uint8Array {
    const part = joined(this.#pieces, this.sizeBytes);
    this.#pieces = [];
    this.sizeBytes = 0;
    return part;
  }
}
