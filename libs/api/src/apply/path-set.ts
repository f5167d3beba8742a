// A set of field paths as a tree: `members` are steps at which a path of the set ends, `children` are the sets below a
// step. A step may be both: `{metadata.labels, metadata.labels.app}`.
//   I1. No child is empty. Whoever makes a set sees to it, so that two sets are equal exactly when their trees are.
// Sets are not changed once they are handed out; operations share subtrees.
import { compareElements, elementText, fieldElement, type PathElement } from "./path-element.ts";

export interface PathSet {
  readonly members: ReadonlySet<PathElement>;
  readonly children: ReadonlyMap<PathElement, PathSet>;
}

export const emptyPathSet: PathSet = { members: new Set(), children: new Map() };

export function isEmptySet(set: PathSet): boolean {
  return set.members.size === 0 && set.children.size === 0;
}

/** A set of paths of plain fields: `fieldPaths(["spec"], ["metadata", "labels"])`. */
export function fieldPaths(...paths: readonly (readonly string[])[]): PathSet {
  const builder = new PathSetBuilder();
  for (const path of paths) builder.insert(path.map(fieldElement));
  return builder.set;
}

/** What is below `element`. */
export function below(set: PathSet, element: PathElement): PathSet {
  return set.children.get(element) ?? emptyPathSet;
}

export function hasPath(set: PathSet, path: readonly PathElement[]): boolean {
  let at = set;
  for (const element of path.slice(0, -1)) at = below(at, element);
  const last = path.at(-1);
  return last !== undefined && at.members.has(last);
}

export function union(left: PathSet, right: PathSet): PathSet {
  if (isEmptySet(left)) return right;
  if (isEmptySet(right)) return left;
  const children = new Map(left.children);
  for (const [element, child] of right.children) {
    const mine = children.get(element);
    children.set(element, mine === undefined ? child : union(mine, child));
  }
  return { members: new Set([...left.members, ...right.members]), children };
}

/** The paths of `left` that are not in `right`. What is below a path of `right` stays. */
export function difference(left: PathSet, right: PathSet): PathSet {
  if (isEmptySet(right) || isEmptySet(left)) return left;
  const children = new Map<PathElement, PathSet>();
  for (const [element, child] of left.children) {
    const kept = difference(child, below(right, element));
    if (!isEmptySet(kept)) children.set(element, kept);
  }
  return { members: without(left.members, right.members), children };
}

/** Like `difference`, and what is below a path of `right` goes too. */
export function recursiveDifference(left: PathSet, right: PathSet): PathSet {
  if (isEmptySet(right) || isEmptySet(left)) return left;
  const children = new Map<PathElement, PathSet>();
  for (const [element, child] of left.children) {
    if (right.members.has(element)) continue;
    const kept = recursiveDifference(child, below(right, element));
    if (!isEmptySet(kept)) children.set(element, kept);
  }
  return { members: without(left.members, right.members), children };
}

export function intersection(left: PathSet, right: PathSet): PathSet {
  if (isEmptySet(left) || isEmptySet(right)) return emptyPathSet;
  const children = new Map<PathElement, PathSet>();
  for (const [element, child] of left.children) {
    const shared = intersection(child, below(right, element));
    if (!isEmptySet(shared)) children.set(element, shared);
  }
  return { members: new Set([...left.members].filter((element) => right.members.has(element))), children };
}

/** Only what is at or below one of `prefixes`; the step `*` stands for any step. */
export function onlyBelow(set: PathSet, prefixes: readonly (readonly PathElement[])[]): PathSet {
  const members = new Set<PathElement>();
  const children = new Map<PathElement, PathSet>();
  for (const prefix of prefixes) {
    const [first, ...rest] = prefix;
    const matches = (element: PathElement): boolean => first === "*" || first === element;
    if (rest.length === 0) for (const element of set.members) if (matches(element)) members.add(element);
    for (const [element, child] of set.children) {
      if (!matches(element)) continue;
      const kept = rest.length === 0 ? child : onlyBelow(child, [rest]);
      if (!isEmptySet(kept)) children.set(element, union(children.get(element) ?? emptyPathSet, kept));
    }
  }
  return { members, children };
}

/** Visits each path in Kubernetes' order: those that end here, then those that go on. The path is reused. */
export function forEachPath(
  set: PathSet,
  visit: (path: readonly PathElement[]) => void,
  path: PathElement[] = [],
): void {
  for (const element of [...set.members].sort(compareElements)) {
    path.push(element);
    visit(path);
    path.pop();
  }
  for (const element of [...set.children.keys()].sort(compareElements)) {
    path.push(element);
    forEachPath(below(set, element), visit, path);
    path.pop();
  }
}

/** `.spec.containers[name="web"].image` */
export function pathText(path: readonly PathElement[]): string {
  return path.map(elementText).join("");
}

function without(members: ReadonlySet<PathElement>, gone: ReadonlySet<PathElement>): ReadonlySet<PathElement> {
  if (members.size === 0 || gone.size === 0) return members;
  return new Set([...members].filter((element) => !gone.has(element)));
}

interface GrowingSet {
  readonly members: Set<PathElement>;
  readonly children: Map<PathElement, GrowingSet>;
}

/** Collects paths. The set it gives must not be used before the last insert. */
export class PathSetBuilder {
  readonly #root: GrowingSet = { members: new Set(), children: new Map() };

  /** The empty path is the object itself, which no set holds. */
  insert(path: readonly PathElement[]): void {
    if (path.length === 0) return;
    let at = this.#root;
    for (let i = 0; i < path.length - 1; i++) {
      const element = path[i] as PathElement;
      let child = at.children.get(element);
      if (child === undefined) {
        child = { members: new Set(), children: new Map() };
        at.children.set(element, child);
      }
      at = child;
    }
    at.members.add(path[path.length - 1] as PathElement);
  }

  get set(): PathSet {
    return this.#root;
  }
}
