// One version of one object as the caches hold it: the bytes that clients get, and labels and selector fields once they
// were needed. Decoded objects are large, so only the latest `decodedObjectsMax` asked for stay; others decode again.
import { utf8, utf8Text } from "@triarch/base";
import type { JsonObject, JsonValue } from "@triarch/api";
import { StorageError } from "./errors.ts";
import {
  apiVersionOf,
  encodeVersion,
  headText,
  labelsText,
  parseObject,
  readStored,
  withRevision,
  type DecodeForeign,
  type EncodedBytes,
} from "./stored-form.ts";
import { storeKey } from "./keys.ts";
import type { EncodedObject, ObjectKey, SelectorValues, StoredResource } from "./types.ts";

export type FieldsOf = (resource: StoredResource, object: JsonObject) => SelectorValues;

/** Most decoded objects kept over all resources; past it the oldest is dropped and decodes again when asked for. */
export const decodedObjectsMax = 4_096;

/** Most texts of labels known for one resource; past it all are forgotten, and who has them keeps them. */
const sharedLabelsMax = 4_096;

/** What all objects of one resource share: how its bytes are read and its selector fields found. */
export class ResourceForm {
  readonly resource: StoredResource;
  readonly #head: Uint8Array;
  readonly #decodeForeign: DecodeForeign | undefined;
  readonly #fieldsOf: FieldsOf;
  readonly #decoded: DecodedObjects;
  readonly #labels = new SharedLabels();

  constructor(
    resource: StoredResource,
    parts: {
      readonly decodeForeign: DecodeForeign | undefined;
      readonly fieldsOf: FieldsOf;
      readonly decoded: DecodedObjects;
    },
  ) {
    this.resource = resource;
    this.#head = utf8(headText(apiVersionOf(resource), resource.kind));
    this.#decodeForeign = parts.decodeForeign;
    this.#fieldsOf = parts.fieldsOf;
    this.#decoded = parts.decoded;
  }

  /** From a row of the store. Bytes that can't be read make an object whose methods throw: a list must not hide it. */
  read(key: ObjectKey, value: Uint8Array, revision: number): StoredObject {
    let encoded: EncodedBytes | StorageError;
    try {
      encoded = readStored({
        resource: this.resource,
        head: this.#head,
        value,
        revision,
        decodeForeign: this.#decodeForeign,
      });
    } catch (error) {
      encoded = this.#corrupt(key, error);
    }
    return new StoredObject(this, key, revision, encoded);
  }

  /** From a decoded object. */
  encode(key: ObjectKey, object: JsonObject, revision: number): StoredObject {
    return new StoredObject(this, key, revision, encodeVersion(this.resource, object, revision));
  }

  decode(holder: StoredObject, bytes: Uint8Array): JsonObject {
    try {
      const object = parseObject(bytes);
      this.#decoded.add(holder);
      return object;
    } catch (error) {
      throw this.#corrupt(holder, error);
    }
  }

  labelsOf(key: ObjectKey, encoded: EncodedBytes): SelectorValues {
    try {
      const text = labelsText(encoded);
      return text === undefined ? noValues : this.#labels.of(text);
    } catch (error) {
      throw this.#corrupt(key, error);
    }
  }

  /** An object that its own kind's rules can't make sense of is as unreadable as one that is no JSON. */
  fieldsOf(key: ObjectKey, object: JsonObject): SelectorValues {
    try {
      return this.#fieldsOf(this.resource, object);
    } catch (error) {
      throw this.#corrupt(key, error);
    }
  }

  #corrupt(key: ObjectKey, cause: unknown): StorageError {
    const text = storeKey(this.resource, key);
    const message = `the object stored at ${text} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`;
    return new StorageError({ code: "corrupt", key: text, message }, { cause });
  }
}

export class StoredObject implements EncodedObject {
  readonly namespace: string;
  readonly name: string;
  readonly modRevision: number;
  readonly #form: ResourceForm;
  readonly #encoded: EncodedBytes | StorageError;
  #decoded: JsonObject | undefined;
  #labels: SelectorValues | undefined;
  #fields: SelectorValues | undefined;

  constructor(form: ResourceForm, key: ObjectKey, modRevision: number, encoded: EncodedBytes | StorageError) {
    this.#form = form;
    this.namespace = key.namespace;
    this.name = key.name;
    this.modRevision = modRevision;
    this.#encoded = encoded;
  }

  get sizeBytes(): number {
    return this.#encoded instanceof StorageError ? 0 : this.#encoded.bytes.length;
  }

  json(): Uint8Array {
    return this.#bytes().bytes;
  }

  itemTail(): Uint8Array {
    const { bytes, tailOffset } = this.#bytes();
    return bytes.subarray(tailOffset);
  }

  object(): JsonObject {
    this.#decoded ??= this.#form.decode(this, this.#bytes().bytes);
    return this.#decoded;
  }

  labels(): SelectorValues {
    this.#labels ??= this.#form.labelsOf(this, this.#bytes());
    return this.#labels;
  }

  /** Then asking for them decodes nothing. */
  get knowsFields(): boolean {
    return this.#fields !== undefined;
  }

  fields(): SelectorValues {
    this.#fields ??= this.#form.fieldsOf(this, this.object());
    return this.#fields;
  }

  /** Finds labels and fields now, in a moment that suits, rather than all at once in the first selective list. */
  prepare(): void {
    if (this.#encoded instanceof StorageError) return;
    try {
      this.fields();
      this.labels();
    } catch {
      // Whoever asks for them is told.
    }
    this.#decoded = undefined;
  }

  /** The same state under another revision: what a delete shows. */
  at(revision: number): StoredObject {
    const encoded = this.#encoded;
    const moved = encoded instanceof StorageError ? encoded : withRevision(encoded, this.modRevision, revision);
    const object = new StoredObject(this.#form, this, revision, moved);
    object.#labels = this.#labels;
    object.#fields = this.#fields;
    return object;
  }

  dropDecoded(): void {
    this.#decoded = undefined;
  }

  toString(): string {
    return this.#encoded instanceof StorageError ? this.#encoded.message : utf8Text(this.#encoded.bytes);
  }

  #bytes(): EncodedBytes {
    if (this.#encoded instanceof StorageError) throw this.#encoded;
    return this.#encoded;
  }
}

/** Decoded objects in the order they were decoded; a ring that forgets the oldest. */
export class DecodedObjects {
  readonly #ring: (StoredObject | undefined)[];
  #next = 0;

  constructor(objectsMax = decodedObjectsMax) {
    this.#ring = new Array<StoredObject | undefined>(objectsMax).fill(undefined);
  }

  add(object: StoredObject): void {
    this.#ring[this.#next]?.dropDecoded();
    this.#ring[this.#next] = object;
    this.#next = (this.#next + 1) % this.#ring.length;
  }
}

/** Labels by their text: the pods of one ReplicaSet share one object. */
class SharedLabels {
  readonly #byText = new Map<string, SelectorValues>();

  of(text: string): SelectorValues {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (this.#byText.size >= sharedLabelsMax) this.#byText.clear();
    const labels = valuesOf(JSON.parse(text) as JsonValue);
    this.#byText.set(text, labels);
    return labels;
  }
}

const noValues: SelectorValues = Object.freeze({});

function valuesOf(labels: JsonValue): SelectorValues {
  if (labels === null || typeof labels !== "object" || Array.isArray(labels)) return noValues;
  return labels as SelectorValues;
}
