// Changes that somebody else made to objects that a controller writes. Its own writes come back as events too; only the
// others are a reason to look again.
import type { KubeObject } from "@triarch/client";
import { objectKey, type Informer, type WorkQueue } from "@triarch/informer";

/** An object that somebody changed is put right after this time: several changes are one round. */
export const foreignChangeDelayMs = 1_000;
const separator = "#";
const removed = "removed";

/**
 * Puts a note per event into the controller's queue; by the time the note is due the answer to a write of our own has
 * come. `due` says what a note is worth. Bounded by the objects there are.
 */
export class ForeignChanges<T extends KubeObject> {
  readonly #informer: Informer<T>;
  /** Versions that we wrote last; `removed` for what we deleted and the informer still shows. */
  readonly #written = new Map<string, string>();

  /** @param ownerKey the key to reconcile for an object; undefined: it is not the controller's */
  constructor(informer: Informer<T>, queue: () => WorkQueue, ownerKey: (object: T) => string | undefined) {
    this.#informer = informer;
    informer.onChange((event) => {
      const key = ownerKey(event.object);
      const name = objectKey(event.object);
      if (event.type === "deleted") {
        const byUs = this.#written.get(name) === removed;
        this.#written.delete(name);
        if (byUs) return;
      }
      const version = event.type === "deleted" ? removed : (event.object.metadata?.resourceVersion ?? "");
      if (key !== undefined) queue().addAfter([key, name, version].join(separator), foreignChangeDelayMs);
    });
  }

  wrote(object: T): void {
    this.#written.set(objectKey(object), object.metadata?.resourceVersion ?? "");
  }

  removes(object: T): void {
    this.#written.set(objectKey(object), removed);
  }

  /**
   * @param item what came from the queue: a key or a note
   * @returns the key to reconcile; undefined: the change was our own, or is past
   */
  due(item: string): string | undefined {
    const [key = "", name = "", version] = item.split(separator);
    if (version === undefined) return key;
    const shown = this.#informer.lister.get(name)?.metadata?.resourceVersion ?? removed;
    return shown === version && this.#written.get(name) !== version ? key : undefined;
  }
}
