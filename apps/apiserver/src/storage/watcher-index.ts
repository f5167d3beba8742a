// Which watchers may care for a change, without asking each: a watcher is filed under the narrowest thing its selectors
// pin down (a name, an indexed field such as a pod's node, a namespace) or under "all". 1,000 kubelets that watch the
// pods of their own node cost a change of one pod two lookups.
import type { CacheEvent } from "./watch-events.ts";
import type { StoredObject } from "./stored-object.ts";
import type { Selection } from "./types.ts";

export class WatcherIndex<W extends { readonly selection: Selection }> {
  readonly #indexedFields: readonly string[];
  readonly #groups = new Map<string, Set<W>>();
  /** How many watchers are filed by each indexed field: fields nobody watches by are not extracted. */
  readonly #filedByField = new Map<string, number>();
  #count = 0;

  constructor(indexedFields: readonly string[]) {
    this.#indexedFields = indexedFields;
  }

  get count(): number {
    return this.#count;
  }

  add(watcher: W): void {
    const { group, field } = this.#place(watcher.selection);
    const members = this.#groups.get(group);
    if (members === undefined) this.#groups.set(group, new Set([watcher]));
    else members.add(watcher);
    if (field !== undefined) this.#filedByField.set(field, (this.#filedByField.get(field) ?? 0) + 1);
    this.#count += 1;
  }

  remove(watcher: W): void {
    const { group, field } = this.#place(watcher.selection);
    const members = this.#groups.get(group);
    if (members === undefined || !members.delete(watcher)) return;
    if (members.size === 0) this.#groups.delete(group);
    if (field !== undefined) this.#filedByField.set(field, (this.#filedByField.get(field) ?? 1) - 1);
    this.#count -= 1;
  }

  all(): W[] {
    return [...this.#groups.values()].flatMap((members) => [...members]);
  }

  /** Calls `visit` once for each watcher that may select the object before or after the change. */
  candidates({ current, previous }: CacheEvent, visit: (watcher: W) => void): void {
    const object = (current ?? previous) as StoredObject;
    this.#visit(allGroup, visit);
    this.#visit(nameGroup(object.name), visit);
    if (object.namespace !== "") this.#visit(namespaceGroup(object.namespace), visit);
    for (const [field, filed] of this.#filedByField) {
      if (filed === 0) continue;
      const now = current === undefined ? undefined : valueOf(current, field);
      const before = previous === undefined ? undefined : valueOf(previous, field);
      if (now !== undefined) this.#visit(fieldGroup(field, now), visit);
      if (before !== undefined && before !== now) this.#visit(fieldGroup(field, before), visit);
    }
  }

  #visit(group: string, visit: (watcher: W) => void): void {
    const members = this.#groups.get(group);
    if (members !== undefined) for (const watcher of members) visit(watcher);
  }

  #place({ namespace, fieldSelector }: Selection): { readonly group: string; readonly field?: string } {
    const name = fieldSelector?.exactly("metadata.name");
    if (name !== undefined) return { group: nameGroup(name) };
    for (const field of this.#indexedFields) {
      const value = fieldSelector?.exactly(field);
      if (value !== undefined) return { group: fieldGroup(field, value), field };
    }
    if (namespace !== undefined && namespace !== "") return { group: namespaceGroup(namespace) };
    return { group: allGroup };
  }
}

/** A field that is not there has the value "", as for selectors. */
function valueOf(object: StoredObject, field: string): string {
  return object.fields()[field] ?? "";
}

const allGroup = "*";
const nameGroup = (name: string): string => `name=${name}`;
const namespaceGroup = (namespace: string): string => `namespace=${namespace}`;
const fieldGroup = (field: string, value: string): string => `field ${field}=${value}`;
