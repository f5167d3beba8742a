// One watch stream of a program: opens and cancels watchers, keeps what each was told, waits for what must come.
import { WatchFilter, type WatchRequest, type WatchResponse, type WatchCreateRequest } from "@triarch/etcd-proto";
import { rpcs, type EtcdConnection, type Stream } from "../support/etcd/rpc.ts";
import { show, type Frame, type Shown } from "./show.ts";

const answerTimeoutMs = 60_000;

export interface Watcher {
  readonly ordinal: number;
  readonly request: WatchCreateRequest;
  readonly wantsPuts: boolean;
  readonly wantsDeletes: boolean;
  /** Undefined before it is created. */
  id: number | undefined;
  open: boolean;
  /** Answers about it that are no events, in order. */
  readonly notices: Shown[];
  readonly events: Shown[];
  lastRevision: number;
  /** Revisions whose events came in more than one answer without being fragments. */
  readonly split: number[];
  fragmentOpen: boolean;
}

export class WatchRecorder {
  readonly watchers: Watcher[] = [];
  readonly #frame: Frame;
  readonly #stream: Stream<Partial<WatchRequest>>;
  readonly #progressRevisions: number[] = [];
  readonly #waiting = new Set<() => void>();
  #ended: string | undefined;

  constructor(connection: EtcdConnection, frame: Frame) {
    this.#frame = frame;
    this.#stream = connection.stream(
      rpcs.watch,
      (response) => {
        this.#take(response);
        this.#look();
      },
      (error) => {
        this.#ended = error === undefined ? "ok" : `${error.code} ${error.message}`;
        this.#look();
      },
    );
  }

  /** Resolves when the store has answered the creation. */
  async create(request: WatchCreateRequest): Promise<void> {
    const watcher: Watcher = {
      ordinal: this.watchers.length,
      request,
      wantsPuts: !request.filters.includes(WatchFilter.noPut),
      wantsDeletes: !request.filters.includes(WatchFilter.noDelete),
      id: undefined,
      open: true,
      notices: [],
      events: [],
      lastRevision: 0,
      split: [],
      fragmentOpen: false,
    };
    this.watchers.push(watcher);
    this.#stream.send({ createRequest: request });
    await this.#until(() => watcher.id !== undefined, `watcher ${watcher.ordinal} to be created`);
  }

  async cancel(watcher: Watcher): Promise<void> {
    this.#stream.send({ cancelRequest: { watchId: watcher.id ?? 0 } });
    await this.closed(watcher);
  }

  /** There is no answer to this. */
  cancelUnknown(id: number): void {
    this.#stream.send({ cancelRequest: { watchId: id } });
  }

  async closed(watcher: Watcher): Promise<void> {
    await this.#until(() => !watcher.open, `watcher ${watcher.ordinal} to be cancelled`);
  }

  async reached(watcher: Watcher, revision: number): Promise<void> {
    const there = (): boolean => watcher.lastRevision >= revision || !watcher.open;
    await this.#until(there, `watcher ${watcher.ordinal} to get revision ${revision}`);
  }

  /** @returns the revision that the store says all watchers have reached */
  async progress(): Promise<number> {
    const before = this.#progressRevisions.length;
    this.#stream.send({ progressRequest: {} });
    await this.#until(() => this.#progressRevisions.length > before, "an answer to a progress request");
    return this.#progressRevisions[before] ?? 0;
  }

  /** What was told about every watcher, and how the stream ended if it did. */
  told(): readonly Shown[] {
    return [
      ...this.watchers.map(({ ordinal, notices, events, split }) => ({
        ...{ watcher: ordinal, notices, events },
        split: split.map((revision) => revision - this.#frame.baseRevision),
      })),
      ...(this.#ended === undefined ? [] : [{ ended: this.#ended }]),
    ];
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #take(response: WatchResponse): void {
    const { watchId, created, canceled, events } = response;
    const watcher = created
      ? this.watchers.find((one) => one.id === undefined)
      : this.watchers.findLast((one) => one.id === watchId && one.open);
    if (watcher === undefined) {
      if (watchId === -1 && !canceled) this.#progressRevisions.push(response.header?.revision ?? 0);
      return;
    }
    if (created) watcher.id = watchId;
    if (canceled) watcher.open = false;
    if (created || canceled) {
      const { events: _none, fragment: _no, ...notice } = response;
      watcher.notices.push(show(notice, this.#frame));
      return;
    }
    const first = events[0]?.kv?.modRevision ?? 0;
    if (first !== 0 && first === watcher.lastRevision && !watcher.fragmentOpen) watcher.split.push(first);
    watcher.fragmentOpen = response.fragment;
    for (const event of events) {
      watcher.events.push(show(event, this.#frame));
      watcher.lastRevision = event.kv?.modRevision ?? watcher.lastRevision;
    }
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** @throws Error when it does not come, or the stream ends first */
  #until(reached: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        act();
      };
      const look = (): void => {
        if (reached()) settle(resolve);
        else if (this.#ended !== undefined) {
          settle(() => reject(new Error(`waited for ${what}; the stream ended: ${this.#ended ?? ""}`)));
        }
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`waited ${answerTimeoutMs} ms for ${what}`))),
        answerTimeoutMs,
      );
      this.#waiting.add(look);
      look();
    });
  }
}
