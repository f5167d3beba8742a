// The stored form of an object: compact JSON that starts with kind and apiVersion, then metadata, without
// `metadata.resourceVersion`. A version's bytes for clients are the stored bytes with the version spliced in right
// after `"metadata":{`, so that serving copies bytes and parses nothing. Other forms (JSON in another order, Kubernetes'
// protobuf envelope in a snapshot of a real cluster) are decoded and put into this form when they are read.
import { utf8, utf8TextStrict } from "@triarch/base";
import type { JsonObject, JsonValue } from "@triarch/api";
import { memberOf } from "./json-members.ts";
import type { StoredResource } from "./types.ts";

/** Reads what others wrote: Kubernetes' protobuf envelope, or JSON in another order or version; `@triarch/api` has it. */
export type DecodeForeign = (body: Uint8Array) => {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: JsonObject;
};

/** A version as clients get it. */
export interface EncodedBytes {
  readonly bytes: Uint8Array;
  /** Where `"metadata":` starts: from here on the bytes are the same in a typed list. */
  readonly tailOffset: number;
}

const metadataText = '"metadata":{';
const protobufMagic = utf8("k8s\0");

/** `{"kind":"Pod","apiVersion":"v1",` */
export function headText(apiVersion: string, kind: string): string {
  return `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`;
}

export function apiVersionOf(resource: StoredResource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** The object in stored form. Absent kind and apiVersion are the resource's own. */
export function encodeStored(resource: StoredResource, object: JsonObject): Uint8Array {
  return utf8(storedText(resource, object).text);
}

/** Writes `object` with `revision` as its resource version; 0: without one. */
export function encodeVersion(resource: StoredResource, object: JsonObject, revision: number): EncodedBytes {
  const { text, headLength } = storedText(resource, object);
  const tailOffset = utf8(text.slice(0, headLength)).length;
  return { bytes: splice(utf8(text), tailOffset, revision), tailOffset };
}

/**
 * Reads what the store holds. `head` is `headText` of the resource: bytes that start with it and metadata are ours.
 * @throws Error that says what is wrong with the bytes
 */
export function readStored(options: {
  readonly resource: StoredResource;
  readonly head: Uint8Array;
  readonly value: Uint8Array;
  readonly revision: number;
  readonly decodeForeign: DecodeForeign | undefined;
}): EncodedBytes {
  const { resource, head, value, revision } = options;
  if (startsWith(value, head, 0) && startsWith(value, metadataBytes, head.length)) {
    return { bytes: splice(value, head.length, revision), tailOffset: head.length };
  }
  if (options.decodeForeign === undefined) {
    if (startsWith(value, protobufMagic, 0)) throw new Error("stored as protobuf, which is not read here");
    return encodeVersion(resource, parseObject(value), revision);
  }
  const { apiVersion, kind, object } = options.decodeForeign(value);
  return encodeVersion(resource, { ...object, apiVersion, kind }, revision);
}

/** The same object at another revision. */
export function withRevision({ bytes, tailOffset }: EncodedBytes, from: number, to: number): EncodedBytes {
  const insertAt = tailOffset + metadataText.length;
  const oldLength = from === 0 ? 0 : versionText(from, true).length - (isFollowed(bytes, insertAt, from) ? 0 : 1);
  const bare = new Uint8Array(bytes.length - oldLength);
  bare.set(bytes.subarray(0, insertAt));
  bare.set(bytes.subarray(insertAt + oldLength), insertAt);
  return { bytes: splice(bare, tailOffset, to), tailOffset };
}

/**
 * The text of `metadata.labels` alone: enough for selectors, at a fraction of the cost of the whole object.
 *
 * @returns undefined: there are none
 * @throws Error: the metadata is not well-formed
 */
export function labelsText({ bytes, tailOffset }: EncodedBytes): string | undefined {
  const value = memberOf(bytes, tailOffset + metadataText.length - 1, labelsName);
  return value === undefined ? undefined : utf8TextStrict(value);
}

export function parseObject(value: Uint8Array): JsonObject {
  const parsed = JSON.parse(utf8TextStrict(value)) as JsonValue;
  if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) throw new Error("not a JSON object");
  return parsed as JsonObject;
}

const metadataBytes = utf8(metadataText);
const labelsName = utf8('"labels"');
const closingBrace = 0x7d;
const comma = 0x2c;

function storedText(resource: StoredResource, object: JsonObject): { text: string; headLength: number } {
  const { kind, apiVersion, metadata, ...rest } = object;
  if (metadata === null || typeof metadata !== "object" || Array.isArray(metadata)) throw new Error("no metadata");
  const { resourceVersion: _, ...stored } = metadata as JsonObject;
  const head = headText(
    typeof apiVersion === "string" && apiVersion !== "" ? apiVersion : apiVersionOf(resource),
    typeof kind === "string" && kind !== "" ? kind : resource.kind,
  );
  return { text: head + JSON.stringify({ metadata: stored, ...rest }).slice(1), headLength: head.length };
}

function versionText(revision: number, followed: boolean): string {
  return `"resourceVersion":"${revision}"${followed ? "," : ""}`;
}

function isFollowed(bytes: Uint8Array, insertAt: number, revision: number): boolean {
  return bytes[insertAt + versionText(revision, false).length] === comma;
}

function splice(stored: Uint8Array, tailOffset: number, revision: number): Uint8Array {
  if (revision === 0) return stored.slice();
  const insertAt = tailOffset + metadataText.length;
  const version = utf8(versionText(revision, stored[insertAt] !== closingBrace));
  const bytes = new Uint8Array(stored.length + version.length);
  bytes.set(stored.subarray(0, insertAt));
  bytes.set(version, insertAt);
  bytes.set(stored.subarray(insertAt), insertAt + version.length);
  return bytes;
}

function startsWith(bytes: Uint8Array, part: Uint8Array, offset: number): boolean {
  if (bytes.length < offset + part.length) return false;
  for (let i = 0; i < part.length; i++) if (bytes[offset + i] !== part[i]) return false;
  return true;
}
