// Watchers that go on at another member after every broken connection, and write down what they were told.
import { prefixEnd, utf8, utf8Text } from "@triarch/base";
import { EventType, type Event, type WatchResponse } from "@triarch/etcd-proto";
import type { SeenEvent, WatchAnswer, WatchTrace } from "@triarch/linearizability";
import { rpcs, type EtcdConnection } from "../support/etcd/rpc.ts";
import type { ChaosCluster } from "./cluster.ts";

const prefix = "c/";
/** How often a watcher asks how far it is; without an answer for three times as long it goes elsewhere. */
const progressIntervalMs = 500;
const reconnectPauseMs = 30;
const finalTimeoutMs = 60_000;

export class ChaosWatcher {
  readonly traces: WatchTrace[] = [];
  readonly #name: string;
  readonly #connections: readonly EtcdConnection[];
  #member: number;
  #nextRevision: number;
  #reached = 0;
  #end: (() => void) | undefined;

  constructor(name: string, cluster: ChaosCluster, member: number, startRevision: number) {
    this.#name = name;
    this.#connections = cluster.all.map((one) => cluster.connect(one));
    this.#member = member;
    this.#nextRevision = startRevision;
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#end?.(), { once: true });
    while (!signal.aborted) {
      await this.#watchOnce(signal);
      this.#member = (this.#member + 1) % this.#connections.length;
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, reconnectPauseMs));
    }
  }

  /** Waits until the revision has come or was passed; the last trace must then be complete up to it. */
  async finish(revision: number): Promise<void> {
    for (const deadline = performance.now() + finalTimeoutMs; this.#reached < revision;) {
      if (performance.now() > deadline) throw new Error(`${this.#name} is at ${this.#reached}, not at ${revision}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const last = this.traces.pop();
    if (last !== undefined) this.traces.push({ ...last, completeTo: revision });
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  /** One connection, until it breaks or nothing more comes. */
  #watchOnce(signal: AbortSignal): Promise<void> {
    const answers: WatchAnswer[] = [];
    const startRevision = this.#nextRevision;
    this.traces.push({
      ...{ name: `${this.#name} on m${this.#member + 1} from ${startRevision}`, startRevision, answers },
      matches: (key) => key.startsWith(prefix),
    });
    const connection = this.#connections[this.#member];
    return new Promise((resolve) => {
      let answeredAt = performance.now();
      const stream = connection?.stream(
        rpcs.watch,
        (response) => {
          answeredAt = performance.now();
          this.#take(response, answers);
          if (response.canceled) end();
        },
        () => end(),
      );
      const end = (): void => {
        clearInterval(timer);
        this.#end = undefined;
        stream?.destroy();
        resolve();
      };
      const timer = setInterval(() => {
        if (performance.now() - answeredAt > 3 * progressIntervalMs) return end();
        stream?.send({ progressRequest: {} });
      }, progressIntervalMs);
      this.#end = end;
      if (signal.aborted || stream === undefined) return end();
      const key = utf8(prefix);
      stream.send({ createRequest: watchCreate(key, startRevision) });
    });
  }

  #take(response: WatchResponse, answers: WatchAnswer[]): void {
    const { events, fragment, created, canceled, header } = response;
    if (events.length > 0) {
      answers.push({ kind: "events", events: events.map(seen), fragment });
      this.#reached = Math.max(this.#reached, events.at(-1)?.kv?.modRevision ?? 0);
    } else if (!created && !canceled && header !== undefined) {
      answers.push({ kind: "progress", revision: header.revision });
      this.#reached = Math.max(this.#reached, header.revision);
    }
    if (!fragment) this.#nextRevision = Math.max(this.#nextRevision, this.#reached + 1);
  }
}

/** All that happened, as one member has it. */
export async function readHistory(connection: EtcdConnection, last: number): Promise<readonly SeenEvent[]> {
  const history: SeenEvent[] = [];
  if (last <= 1) return history;
  const done = Promise.withResolvers<void>();
  const late = setTimeout(() => done.reject(new Error(`the history up to ${last} did not come`)), finalTimeoutMs);
  const stream = connection.stream(
    rpcs.watch,
    ({ events, header, created, canceled, cancelReason }) => {
      if (canceled) done.reject(new Error(`the watch of the history was cancelled: ${cancelReason}`));
      history.push(...events.map(seen));
      const reached = events.at(-1)?.kv?.modRevision ?? (created ? 0 : (header?.revision ?? 0));
      if (reached >= last) done.resolve();
    },
    (error) => done.reject(error ?? new Error("the watch of the history ended")),
  );
  try {
    stream.send({ createRequest: watchCreate(utf8(prefix), 2) });
    stream.send({ progressRequest: {} });
    await done.promise;
  } finally {
    clearTimeout(late);
    stream.destroy();
  }
  return history;
}

function watchCreate(key: Uint8Array, startRevision: number) {
  return {
    ...{ key, rangeEnd: prefixEnd(key), startRevision, prevKv: true },
    ...{ progressNotify: true, filters: [], watchId: 0, fragment: false },
  };
}

function seen({ type, kv, prevKv }: Event): SeenEvent {
  return {
    kind: type === EventType.put ? "put" : "delete",
    key: utf8Text(kv?.key ?? new Uint8Array(0)),
    modRevision: kv?.modRevision ?? 0,
    value: utf8Text(kv?.value ?? new Uint8Array(0)),
    previousValue: prevKv === undefined ? undefined : utf8Text(prevKv.value),
  };
}
