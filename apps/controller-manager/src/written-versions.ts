// Versions that our own writes gave objects. Until an informer shows them its copies are old, and a plan made from them
// would undo or repeat the write.
import type { KubeObject } from "@triarch/client";
import { objectKey, type Informer } from "@triarch/informer";

/** Until the next look. */
const lookAgainMs = 50;
/** After so many looks the object was made and removed before we heard of either. */
const looksMax = 100;

interface Expected {
  readonly version: number;
  looks: number;
}

/** Bounded by the writes that the informer has not shown yet. */
export class WrittenVersions<T extends KubeObject> {
  readonly #informer: Informer<T>;
  /** Per key that is worked on, per object's own key. */
  readonly #keys = new Map<string, Map<string, Expected>>();

  constructor(informer: Informer<T>) {
    this.#informer = informer;
    informer.onChange((event) => {
      const name = objectKey(event.object);
      for (const [key, expected] of this.#keys) {
        const version = expected.get(name)?.version;
        if (version === undefined) continue;
        if (event.type === "deleted" || versionOf(event.object) >= version) expected.delete(name);
        if (expected.size === 0) this.#keys.delete(key);
      }
    });
  }

  remember(key: string, object: T): void {
    const shown = this.#informer.lister.get(objectKey(object));
    if (shown !== undefined && versionOf(shown) >= versionOf(object)) return;
    const expected = this.#keys.get(key) ?? new Map<string, Expected>();
    this.#keys.set(key, expected);
    expected.set(objectKey(object), { version: versionOf(object), looks: 0 });
  }

  /** @returns milliseconds to wait before planning for `key`; undefined: everything written is shown */
  waitMs(key: string): number | undefined {
    const expected = this.#keys.get(key);
    for (const [name, one] of expected ?? []) {
      one.looks += 1;
      if (one.looks <= looksMax) return lookAgainMs;
      expected?.delete(name);
    }
    this.#keys.delete(key);
    return undefined;
  }

  forget(key: string): void {
    this.#keys.delete(key);
  }
}

function versionOf(object: KubeObject): number {
  return Number(object.metadata?.resourceVersion ?? 0);
}
