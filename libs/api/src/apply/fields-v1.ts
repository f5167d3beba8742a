// FieldsV1, the form of a path set in `metadata.managedFields`: one key per step, `{}` where a path ends, and `"."` where
// it ends and others go on.
//   {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}}   metadata.labels and metadata.labels.app
import { assert } from "@triarch/base";
import type { JsonValue } from "../json.ts";
import { isObject, type MutableObject, setOwn } from "../meta/mutable.ts";
import { compareElements, type PathElement, readElement } from "./path-element.ts";
import { below, emptyPathSet, isEmptySet, type PathSet } from "./path-set.ts";

const self = ".";

/** @throws SyntaxError when it is not FieldsV1 */
export function parseFieldsV1(fields: JsonValue | undefined): PathSet {
  if (fields === undefined || fields === null) return emptyPathSet;
  if (!isObject(fields)) throw new SyntaxError("fieldsV1 must be an object");
  const members = new Set<PathElement>();
  const children = new Map<PathElement, PathSet>();
  for (const key of Object.keys(fields)) {
    if (key === self) continue;
    const element = readElement(key);
    if (element === undefined) continue;
    const node = fields[key];
    const child = parseFieldsV1(node);
    if (isEmptySet(child) || (isObject(node) && Object.hasOwn(node, self))) members.add(element);
    if (!isEmptySet(child)) children.set(element, child);
  }
  return { members, children };
}

/** Keys in Kubernetes' order. The leaves are one shared object, which must not be changed. */
export function writeFieldsV1(set: PathSet): MutableObject {
  assert(!isEmptySet(set), "fieldsV1: an empty set is written by leaving its entry out");
  return writeNode(set, false);
}

/** What stands where a path ends. Shared by all; frozen. */
export const leafNode: MutableObject = Object.freeze({});

function writeNode(set: PathSet, isMember: boolean): MutableObject {
  const node: MutableObject = {};
  if (isMember) node[self] = leafNode;
  const elements = new Set([...set.members, ...set.children.keys()]);
  for (const element of [...elements].sort(compareElements)) {
    const child = below(set, element);
    setOwn(node, element, isEmptySet(child) ? leafNode : writeNode(child, set.members.has(element)));
  }
  return node;
}
