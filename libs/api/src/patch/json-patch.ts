// JSON patch (RFC 6902) over JSON pointers (RFC 6901). Operations are applied in order to a copy; the first that does
// not fit fails the whole patch.
import type { JsonObject, JsonValue } from "../json.ts";
import {
  deepCopy,
  deepCopyValue,
  deepEqual,
  isObject,
  type MutableObject,
  type MutableValue,
  setOwn,
} from "../meta/mutable.ts";
import { inapplicablePatch, jsonTypeName, malformedPatch, tooLargePatch } from "./patch-error.ts";

/** Most operations of one patch; past it the patch is refused with 413. */
export const jsonPatchOperationsMax = 10_000;
/** Copies may double a document with each operation; past this sum of what they add, as JSON, the answer is 413. */
export const jsonPatchCopiedBytesMax = 3 * 1024 * 1024;

/**
 * The patched copy of `original`, which is left as it is.
 *
 * @throws PatchError 400 where the patch is no list of operations, 413 past `jsonPatchOperationsMax`, 422 where an
 *   operation does not fit or a `test` fails
 * Cost: O(original + patch + moved and copied values); an insertion into a list moves what follows it.
 */
export function applyJsonPatch(original: JsonObject, patch: JsonValue): MutableObject {
  if (!Array.isArray(patch)) throw undecodable(jsonTypeName(patch), "[]handlers.jsonPatchOp");
  const operations = patch as readonly JsonValue[];
  if (operations.length > jsonPatchOperationsMax) {
    throw tooLargePatch(
      `The allowed maximum operations in a JSON patch is ${jsonPatchOperationsMax}, got ${operations.length}`,
    );
  }
  const document = new Document(deepCopy(original));
  for (const operation of operations) {
    if (!isObject(operation)) throw undecodable(jsonTypeName(operation), "handlers.jsonPatchOp");
    document.apply(operation);
  }
  const { root } = document;
  if (!isObject(root)) throw inapplicablePatch("the patch replaces the object by something that is none");
  return root;
}

function undecodable(found: string, goType: string): Error {
  return malformedPatch(`error decoding patch: json: cannot unmarshal ${found} into Go value of type ${goType}`);
}

class Document {
  root: MutableValue;
  #copiedBytes = 0;

  constructor(root: MutableObject) {
    this.root = root;
  }

  apply(operation: JsonObject): void {
    const path = pointer(operation, "path");
    switch (operation["op"]) {
      case "add":
        return this.#add(path, valueOf(operation));
      case "remove":
        this.#remove(path);
        return;
      case "replace":
        this.#read(path);
        return this.#replace(path, valueOf(operation));
      case "move": {
        const from = pointer(operation, "from");
        if (from.length < path.length && from.every((part, i) => part === path[i])) {
          throw inapplicablePatch("move: a value cannot be moved into itself");
        }
        return this.#add(path, this.#remove(from));
      }
      case "copy": {
        const copy = deepCopyValue(this.#read(pointer(operation, "from")));
        this.#countCopied(copy);
        return this.#add(path, copy);
      }
      case "test": {
        // A field that is not there equals null, as in the library that Kubernetes uses.
        const wanted = operation["value"] ?? null;
        const found = this.#find(path) ?? null;
        if (!deepEqual(found, wanted)) throw inapplicablePatch(`testing value /${path.join("/")} failed`);
        return;
      }
      default:
        throw inapplicablePatch(`unexpected operation ${JSON.stringify(operation["op"])}`);
    }
  }

  #countCopied(copy: MutableValue): void {
    this.#copiedBytes += JSON.stringify(copy).length;
    if (this.#copiedBytes <= jsonPatchCopiedBytesMax) return;
    const sizes = `${this.#copiedBytes}, exceeding the limit ${jsonPatchCopiedBytesMax}`;
    throw tooLargePatch(`Unable to complete the copy, the accumulated size increase of copy is ${sizes}`);
  }

  #find(path: readonly string[]): MutableValue | undefined {
    let value: MutableValue | undefined = this.root;
    for (const part of path) {
      if (Array.isArray(value)) value = value[existingIndex(part, value.length)];
      else if (isObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined;
      else return undefined;
    }
    return value;
  }

  #read(path: readonly string[]): MutableValue {
    const value = this.#find(path);
    if (value === undefined) throw inapplicablePatch(`nothing at /${path.join("/")}`);
    return value;
  }

  #add(path: readonly string[], value: MutableValue): void {
    if (path.length === 0) {
      this.root = value;
      return;
    }
    const parent = this.#read(path.slice(0, -1));
    const last = path.at(-1) as string;
    if (Array.isArray(parent)) {
      parent.splice(last === "-" ? parent.length : existingIndex(last, parent.length + 1), 0, value);
    } else if (isObject(parent)) {
      setOwn(parent, last, value);
    } else {
      throw inapplicablePatch(`/${path.slice(0, -1).join("/")} has no fields`);
    }
  }

  #replace(path: readonly string[], value: MutableValue): void {
    const parent = path.length === 0 ? undefined : this.#read(path.slice(0, -1));
    if (Array.isArray(parent)) parent[existingIndex(path.at(-1) as string, parent.length)] = value;
    else this.#add(path, value);
  }

  #remove(path: readonly string[]): MutableValue {
    const value = this.#read(path);
    const parent = path.length === 0 ? undefined : this.#read(path.slice(0, -1));
    if (Array.isArray(parent)) parent.splice(existingIndex(path.at(-1) as string, parent.length), 1);
    else if (isObject(parent)) delete parent[path.at(-1) as string];
    else throw inapplicablePatch("the whole object cannot be removed");
    return value;
  }
}

/** The decoded segments of a JSON pointer; `""` is the document itself. */
function pointer(operation: JsonObject, name: "path" | "from"): readonly string[] {
  const text = operation[name];
  if (typeof text !== "string") throw inapplicablePatch(`missing "${name}"`);
  if (text === "") return [];
  if (!text.startsWith("/")) throw inapplicablePatch(`"${name}" ${JSON.stringify(text)} does not start with "/"`);
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function existingIndex(part: string, length: number): number {
  const index = /^(?:0|[1-9]\d{0,9})$/.test(part) ? Number(part) : length;
  if (index >= length) throw inapplicablePatch(`index ${part} is out of range, the list has ${length}`);
  return index;
}

function valueOf(operation: JsonObject): MutableValue {
  const value = operation["value"];
  if (value === undefined) throw inapplicablePatch(`missing "value"`);
  return deepCopyValue(value);
}
