import type { Clock, Rng } from "@triarch/base";
import type { Event, ObjectReference } from "@triarch/api";
import { resourceRefs } from "./resource-refs.ts";
import { ApiError, type KubeClient } from "./types.ts";

/** Events waiting to be posted; past it the oldest is dropped and counted. */
const waitingMax = 1_000;
/** Repeated events whose counts are remembered. */
const rememberedMax = 4_096;

/** Posts core/v1 Events about objects; never blocks and never fails its caller. */
export interface EventRecorder {
  event(about: ObjectReference, type: "Normal" | "Warning", reason: string, message: string): void;
  /** Events that were dropped because the API could not keep up. */
  readonly dropped: number;
  /** Waits until what was recorded so far has been posted or given up. */
  flush(): Promise<void>;
}

export function createEventRecorder(options: {
  readonly client: KubeClient;
  /** Names the reporter, for example `default-scheduler` or `kubelet`. */
  readonly component: string;
  readonly host?: string;
  readonly clock: Clock;
  readonly rng: Rng;
}): EventRecorder {
  const { client, clock, rng } = options;
  const waiting: Event[] = [];
  const remembered = new Map<string, Event>();
  let dropped = 0;
  let running: Promise<void> | undefined;

  async function post(event: Event): Promise<void> {
    const { involvedObject: about } = event;
    const key = [about.uid, about.namespace, about.name, about.fieldPath, event.type, event.reason, event.message].join(
      "|",
    );
    const known = remembered.get(key);
    if (known !== undefined) {
      const namespace = known.metadata.namespace ?? "default";
      const name = known.metadata.name ?? "";
      const count = (known.count ?? 1) + 1;
      const patch = { count, lastTimestamp: event.lastTimestamp };
      try {
        await client.patch(resourceRefs.events, { namespace, name }, patch, { type: "merge" });
        remembered.set(key, { ...known, count });
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 404) throw error; // expired: post it anew
      }
    }
    const created = await client.create(resourceRefs.events, event);
    remembered.delete(key);
    remembered.set(key, created);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= rememberedMax) break;
      remembered.delete(oldest);
    }
  }

  async function drain(): Promise<void> {
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      try {
        await post(event);
      } catch {
        dropped += 1; // events are best effort
      }
    }
    running = undefined;
  }

  return {
    get dropped() {
      return dropped;
    },
    event(about, type, reason, message) {
      const time = new Date(clock.nowMs()).toISOString().replace(/\.\d+Z$/, "Z");
      const suffix = Math.floor(rng.next() * 2 ** 48)
        .toString(16)
        .padStart(12, "0");
      waiting.push({
        apiVersion: "v1",
        kind: "Event",
        metadata: { namespace: about.namespace ?? "default", name: `${about.name ?? "unknown"}.${suffix}` },
        involvedObject: about,
        reason,
        message: message.slice(0, 1024),
        type,
        source: { component: options.component, ...(options.host === undefined ? {} : { host: options.host }) },
        reportingComponent: options.component,
        reportingInstance: options.host ?? "",
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      });
      if (waiting.length > waitingMax) {
        waiting.shift();
        dropped += 1;
      }
      running ??= drain();
    },
    async flush() {
      await running;
    },
  };
}
