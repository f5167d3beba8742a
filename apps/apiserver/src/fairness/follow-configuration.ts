// Keeps a server's fairness as the stored flow schemas and priority levels say, and those that are built in as they should
// be. Every master does both; what one has written the others find done.
import { type JsonObject, type ResourceInfo, StatusError } from "@triarch/api";
import type { Timer, Timers } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";
import { ensureFlowControl, serverUser, tryEnsure } from "../bootstrap/bootstrap.ts";
import { flowControlManager } from "../bootstrap/flow-control.ts";
import { followResource, type ResourceFollower } from "../own-status/follow-resource.ts";
import type { Registry } from "../registry/registry.ts";
import { updateObject } from "../registry/update.ts";
import { type BuiltInObjects, builtInObjects, configurationOf } from "./built-in-configuration.ts";
import type { Fairness } from "./fairness.ts";
import { corrected, planUpkeep } from "./upkeep.ts";

export interface FollowConfigurationOptions {
  readonly registry: Registry;
  readonly fairness: Pick<Fairness, "configure">;
  readonly timers: Timers;
  readonly logger: Logger;
}

export interface ConfigurationFollower {
  /** Ends after the write that is on its way. */
  close(): Promise<void>;
}

/** Between two rounds of writes, so that servers that want different things do not chase each other. */
const upkeepIntervalMs = 1_000;

export function followConfiguration(options: FollowConfigurationOptions): ConfigurationFollower {
  return new Follower(options);
}

class Follower implements ConfigurationFollower {
  readonly #options: FollowConfigurationOptions;
  readonly #schemas = builtInObjects("flowschemas");
  readonly #levels = builtInObjects("prioritylevelconfigurations");
  readonly #followers: readonly ResourceFollower[];
  #isDirty = false;
  #running: Promise<void> | undefined;
  #pause: Timer | undefined;
  #isClosed = false;

  constructor(options: FollowConfigurationOptions) {
    this.#options = options;
    const { store } = options.registry;
    const onChange = (): void => this.#changed();
    this.#followers = [this.#schemas, this.#levels].map(({ resource }) => followResource(store, resource, onChange));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pause?.cancel();
    for (const follower of this.#followers) follower.close();
    await this.#running;
  }

  /** Bound: one look at a time, and one more for whatever changed meanwhile. */
  #changed(): void {
    this.#isDirty = true;
    if (this.#isClosed) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // What came after the last look.
      if (this.#isDirty) this.#changed();
    });
  }

  async #run(): Promise<void> {
    // Events that come together are looked at together.
    await this.#options.timers.nextTurn();
    while (this.#isDirty && !this.#isClosed) {
      this.#isDirty = false;
      try {
        await this.#look();
      } catch (error) {
        if (this.#isClosed) return;
        this.#options.logger.warn({ error: String(error) }, "flow schemas and priority levels could not be followed");
        this.#pauseUpkeep();
      }
    }
  }

  async #look(): Promise<void> {
    const { registry, fairness } = this.#options;
    const list = async ({ resource }: BuiltInObjects): Promise<readonly JsonObject[]> =>
      (await registry.store.list(resource, { resourceVersion: "0" })).items.map((item) => item.object());
    const [schemas, levels] = [await list(this.#schemas), await list(this.#levels)];
    const configuration = configurationOf(schemas, levels);
    fairness.configure(configuration.schemas, configuration.levels);
    if (this.#pause !== undefined) return;
    const changes = [this.#keepUp(this.#levels, levels), this.#keepUp(this.#schemas, schemas)];
    if ((await Promise.all(changes)).includes(true)) this.#pauseUpkeep();
  }

  #pauseUpkeep(): void {
    this.#pause ??= this.#options.timers.after(upkeepIntervalMs, () => {
      this.#pause = undefined;
      this.#changed();
    });
  }

  /** @returns whether something was written */
  async #keepUp({ resource, objects: builtIn }: BuiltInObjects, stored: readonly JsonObject[]): Promise<boolean> {
    const { registry } = this.#options;
    const { isMissing, drifted } = planUpkeep(builtIn, stored);
    if (isMissing) await Promise.all(ensureFlowControl(registry, tryEnsure));
    for (const name of drifted) {
      const wanted = builtIn.find((object) => (object["metadata"] as JsonObject)["name"] === name) as JsonObject;
      await correct(registry, resource, wanted, name);
    }
    return isMissing || drifted.length > 0;
  }
}

async function correct(registry: Registry, resource: ResourceInfo, wanted: JsonObject, name: string): Promise<void> {
  const by = { user: serverUser, fieldManager: flowControlManager, subresource: "", dryRun: false, warnings: [] };
  try {
    await updateObject(registry, {
      ...{ ...by, resource, namespace: "", name, target: "main", createIfAbsent: false },
      produce: (current) => corrected(wanted, current ?? wanted),
    });
  } catch (error) {
    // Deleted meanwhile: that is the next event.
    if (!(error instanceof StatusError) || error.status.reason !== "NotFound") throw error;
  }
}
