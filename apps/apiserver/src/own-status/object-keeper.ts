// Looks at each object of a resource whenever it changed, one at a time: what the API server itself keeps up to date in
// objects that configure it. All masters do the same; what one has written the others find done.
import type { JsonObject, ResourceInfo } from "@triarch/api";
import type { Logger } from "@triarch/telemetry";
import type { EncodedObject, ResourceStore, WatchEvent } from "../storage/index.ts";
import { followResource, type ResourceFollower } from "./follow-resource.ts";

export interface ObjectKeeperOptions {
  readonly store: ResourceStore;
  readonly resource: ResourceInfo;
  readonly logger: Logger;
  /**
   * Brings one object up to date; called again after each change of it, and after `retryMs` when it throws.
   * @returns milliseconds after which to look again, or nothing
   */
  readonly keep: (object: JsonObject) => Promise<number | undefined>;
  /** Other resources whose changes concern objects of this one. */
  readonly causes?: readonly {
    readonly resource: ResourceInfo;
    /** Does a change of `other` concern `object`? */
    readonly concerns: (object: JsonObject, other: EncodedObject) => boolean;
  }[];
}

export interface ObjectKeeper {
  /** Ends after the object that is being kept. */
  close(): Promise<void>;
}

const retryMs = 1_000;

/** Bound: one entry per object of the resource, in the queue as in the map. */
export function startObjectKeeper(options: ObjectKeeperOptions): ObjectKeeper {
  const keeper = new Keeper(options);
  keeper.start();
  return keeper;
}

class Keeper implements ObjectKeeper {
  readonly #options: ObjectKeeperOptions;
  readonly #objects = new Map<string, EncodedObject>();
  readonly #queue = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #followers: ResourceFollower[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: ObjectKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, resource, causes = [] } = this.#options;
    this.#followers.push(followResource(store, resource, (event) => this.#onOwn(event)));
    for (const { resource: cause, concerns } of causes) {
      const onCause = (event: WatchEvent & { readonly kind: "object" }): void => {
        for (const [name, object] of this.#objects) if (concerns(object.object(), event.object)) this.#add(name);
      };
      this.#followers.push(followResource(store, cause, onCause));
    }
  }

  #onOwn(event: WatchEvent & { readonly kind: "object" }): void {
    const { name } = event.object;
    if (event.type === "DELETED") this.#objects.delete(name);
    else {
      this.#objects.set(name, event.object);
      this.#add(name);
    }
  }

  #add(name: string): void {
    if (this.#closed) return;
    this.#queue.add(name);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // What came after the last look at the queue.
      const [late] = this.#queue;
      if (late !== undefined) this.#add(late);
    });
  }

  async #run(): Promise<void> {
    for (const name of this.#queue) {
      this.#queue.delete(name);
      const object = this.#objects.get(name);
      if (object === undefined || this.#closed) continue;
      const again = await this.#keep(name, object);
      if (again !== undefined) this.#after(again, () => this.#add(name));
    }
  }

  async #keep(name: string, object: EncodedObject): Promise<number | undefined> {
    const { resource, logger, keep } = this.#options;
    try {
      return await keep(object.object());
    } catch (error) {
      if (this.#closed) return undefined;
      logger.warn({ resource: resource.resource, name, error: String(error) }, "the status of an object was not kept");
      return retryMs;
    }
  }

  #after(ms: number, action: () => void): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const follower of this.#followers) follower.close();
    await this.#running;
  }
}
