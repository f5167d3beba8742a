// A watcher of ConfigMaps over plain HTTP that goes on at the next master from its last revision whenever its stream ends,
// and lists anew when that revision is gone. It writes down everything it was told.
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import type { ClusterAccess } from "@triarch/client";
import type { SeenChange, Told } from "./stream-check.ts";

const path = "/api/v1/namespaces/default/configmaps";
const reconnectPauseMs = 30;
const connectTimeoutMs = 5_000;

interface WatchedObject {
  readonly code?: number;
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly data?: { readonly a?: string };
}

export class ApiWatcher {
  readonly name: string;
  /** In the order in which it was told. */
  readonly told: Told[] = [];
  /** Masters it was connected to, in order. */
  readonly visited: number[] = [];
  readonly #access: ClusterAccess;
  #master: number;
  #revision: number;
  #pausing = new AbortController();

  constructor(name: string, access: ClusterAccess, start: { readonly master: number; readonly revision: number }) {
    this.name = name;
    this.#access = access;
    this.#master = start.master;
    this.#revision = start.revision;
  }

  /** Everything up to here has come. */
  get revision(): number {
    return this.#revision;
  }

  get lists(): number {
    return this.told.filter(({ kind }) => kind === "list").length;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const own = AbortSignal.any([signal, this.#pausing.signal]);
      await this.#watch(own).catch(() => undefined);
      if (this.#pausing.signal.aborted) return;
      this.#master = (this.#master + 1) % this.#access.servers.length;
      await delay(reconnectPauseMs);
    }
  }

  /** Ends `run`; a later `run` begins at this master, from the last revision. */
  pause(): void {
    this.#pausing.abort();
  }

  resumeAt(master: number): void {
    this.#pausing = new AbortController();
    this.#master = master;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${this.#revision}`;
    const { statusCode, body } = await this.#ask(`${path}?${query}`, signal);
    this.visited.push(this.#master);
    if (statusCode === 410) {
      await body.dump();
      return this.#list(signal);
    }
    if (statusCode !== 200) return body.dump();
    let rest = "";
    for await (const chunk of body.setEncoding("utf8") as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: WatchedObject };
        if (type === "ERROR") return object.code === 410 ? this.#list(signal) : undefined;
        this.#take(type, object);
      }
    }
  }

  #take(type: string, object: WatchedObject): void {
    const revision = Number(object.metadata?.resourceVersion);
    this.#revision = revision;
    if (type === "BOOKMARK") this.told.push({ kind: "bookmark", revision });
    else
      this.told.push({ kind: "change", change: { ...stateOf(object), type: type === "DELETED" ? "delete" : "put" } });
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { statusCode, body } = await this.#ask(path, signal);
    if (statusCode !== 200) return body.dump();
    const list = (await body.json()) as WatchedObject & { readonly items: readonly WatchedObject[] };
    this.#revision = Number(list.metadata?.resourceVersion);
    this.told.push({ kind: "list", revision: this.#revision, items: list.items.map(stateOf) });
    return this.#watch(signal);
  }

  #ask(url: string, signal: AbortSignal) {
    return request(`${this.#access.servers[this.#master]}${url}`, {
      headers: { authorization: `Bearer ${this.#access.token}` },
      headersTimeout: connectTimeoutMs,
      bodyTimeout: 0,
      signal,
    });
  }
}

function stateOf({ metadata, data }: WatchedObject): Omit<SeenChange, "type"> {
  return { name: metadata?.name ?? "", revision: Number(metadata?.resourceVersion), value: data?.a ?? "" };
}
