// etcdserverpb.Watch: one stream, many watchers. Source: etcd's observable behaviour (server/etcdserver/api/v3rpc/watch.go).
//
// Invariants: a watcher's `created` answer goes before its events; a revision's events are never split unless asked to;
// a progress answer is never ahead of an event that was not sent yet; nothing is dropped for a slow client, its watchers
// are held back instead.
import { compareBytes } from "@triarch/base";
import {
  Event,
  WatchFilter,
  WatchRequest,
  WatchResponse,
  type WatchCreateRequest,
  type WatchResponseInit,
} from "@triarch/etcd-proto";
import type { EtcdServer, ServerWatch } from "@triarch/etcd-server";
import { watchRefusal } from "./auth-watch.ts";
import { bidi, type BidiControl, type BidiHandler, type Outgoing } from "./grpc-server.ts";
import type { Service } from "./services.ts";

/** Events of one answer are split past this size where the client asked for fragments. */
const fragmentBytes = 1_572_864;
const nobody = -1;

interface Watcher {
  readonly id: number;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  watch: ServerWatch | undefined;
  lastSentAtMs: number;
}

export interface WatchServiceOptions {
  readonly server: Pick<EtcdServer, "header" | "mayWatch" | "watch">;
  readonly progressNotifyIntervalMs: number;
  readonly nowMs: () => number;
}

export function watchService(options: WatchServiceOptions): Service {
  return {
    "etcdserverpb.Watch/Watch": bidi(
      WatchRequest,
      WatchResponse,
      (out, _context, control) => new WatchStream(options, out, control),
    ),
  };
}

export class WatchStream implements BidiHandler<WatchRequest> {
  readonly #options: WatchServiceOptions;
  readonly #out: Outgoing<WatchResponseInit>;
  readonly #watchers = new Map<number, Watcher>();
  readonly #timer: NodeJS.Timeout;
  #nextId = 0;
  #blocked = false;
  /** One or more progress requests wait until every watcher is synced; one answer is for all of them. */
  #progressWanted = false;

  constructor(options: WatchServiceOptions, out: Outgoing<WatchResponseInit>, control: BidiControl) {
    this.#options = options;
    this.#out = out;
    out.onDrain(() => {
      this.#blocked = false;
      for (const watcher of [...this.#watchers.values()]) watcher.watch?.resume();
      this.#answerProgress();
      control.resume();
    });
    this.#timer = setInterval(() => this.#notifyProgress(), Math.max(50, options.progressNotifyIntervalMs / 2));
    this.#timer.unref();
  }

  /** A client that does not take its answers cannot ask for more. */
  onMessage(request: WatchRequest): boolean {
    if (request.createRequest !== undefined) this.#create(request.createRequest);
    else if (request.cancelRequest !== undefined) this.#cancel(request.cancelRequest.watchId);
    else if (request.progressRequest !== undefined) {
      this.#progressWanted = true;
      this.#answerProgress();
    }
    return !this.#blocked;
  }

  /** The client has asked for all it wants and listens on, as with etcd. */
  onHalfClose(): void {}

  onClose(): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.watch?.close();
    this.#watchers.clear();
  }

  #create(request: WatchCreateRequest): void {
    const { server } = this.#options;
    const refuse = (cancelReason: string): void => {
      this.#send({ header: server.header(), watchId: nobody, created: true, canceled: true, cancelReason });
    };
    const key = request.key.length === 0 ? new Uint8Array(1) : request.key;
    const { rangeEnd } = request;
    if (request.startRevision < 0) return refuse("etcdserver: mvcc: required revision has been compacted");
    const refusal = watchRefusal(server, { key, rangeEnd });
    if (refusal !== undefined) return refuse(refusal);
    const openEnded = rangeEnd.length === 1 && rangeEnd[0] === 0;
    if (rangeEnd.length > 0 && !openEnded && compareBytes(rangeEnd, key) <= 0)
      return refuse("mvcc: watcher range is empty");
    let id = request.watchId;
    if (id === 0) {
      while (this.#watchers.has(this.#nextId)) this.#nextId += 1;
      id = this.#nextId;
      this.#nextId += 1;
    } else if (this.#watchers.has(id)) {
      return refuse("mvcc: duplicate watch ID provided on the WatchStream");
    }
    const watcher: Watcher = {
      id,
      progressNotify: request.progressNotify,
      fragment: request.fragment,
      watch: undefined,
      lastSentAtMs: this.#options.nowMs(),
    };
    this.#watchers.set(id, watcher);
    const header = server.header();
    this.#send({ header, watchId: id, created: true });
    watcher.watch = server.watch(
      {
        key,
        rangeEnd,
        startRevision: request.startRevision,
        prevKv: request.prevKv,
        noPut: request.filters.includes(WatchFilter.noPut),
        noDelete: request.filters.includes(WatchFilter.noDelete),
      },
      {
        onEvents: (events) => this.#onEvents(watcher, events),
        onProgress: () => this.#answerProgress(),
        onCompacted: (compactRevision) => {
          this.#watchers.delete(id);
          this.#send({ header: { ...server.header(), revision: 0 }, watchId: id, canceled: true, compactRevision });
          this.#answerProgress();
        },
        onStopped: () => {
          this.#watchers.delete(id);
          this.#send({
            header: server.header(),
            watchId: id,
            canceled: true,
            cancelReason: "etcdserver: server stopped",
          });
        },
      },
    );
  }

  #cancel(id: number): void {
    const watcher = this.#watchers.get(id);
    if (watcher === undefined) return; // etcd does not answer this
    watcher.watch?.close();
    this.#watchers.delete(id);
    this.#send({ header: this.#options.server.header(), watchId: id, canceled: true });
    this.#answerProgress();
  }

  #onEvents(watcher: Watcher, events: readonly Event[]): boolean {
    if (this.#blocked) return false;
    const header = this.#options.server.header();
    for (const part of this.#fragments(watcher, events)) {
      this.#send({ header, watchId: watcher.id, events: part.events, fragment: !part.last });
    }
    watcher.lastSentAtMs = this.#options.nowMs();
    return true;
  }

  #fragments(
    watcher: Watcher,
    events: readonly Event[],
  ): readonly { readonly events: readonly Event[]; readonly last: boolean }[] {
    if (!watcher.fragment) return [{ events, last: true }];
    const parts: Event[][] = [[]];
    let bytes = 0;
    for (const event of events) {
      const size = Event.encode(event).length;
      if (bytes > 0 && bytes + size > fragmentBytes) {
        parts.push([]);
        bytes = 0;
      }
      parts.at(-1)?.push(event);
      bytes += size;
    }
    return parts.map((part, i) => ({ events: part, last: i === parts.length - 1 }));
  }

  #answerProgress(): void {
    if (!this.#progressWanted || this.#blocked) return;
    const header = this.#options.server.header();
    for (const { watch } of this.#watchers.values()) if (!isUpTo(watch, header.revision)) return;
    this.#progressWanted = false;
    this.#send({ header, watchId: nobody });
  }

  /** Tells idle, synced watchers that asked for it how far the store is. */
  #notifyProgress(): void {
    const { server, nowMs, progressNotifyIntervalMs } = this.#options;
    for (const watcher of this.#watchers.values()) {
      const header = server.header();
      if (!watcher.progressNotify || !isUpTo(watcher.watch, header.revision) || this.#blocked) continue;
      if (nowMs() - watcher.lastSentAtMs < progressNotifyIntervalMs) continue;
      watcher.lastSentAtMs = nowMs();
      this.#send({ header, watchId: watcher.id });
    }
  }

  #send(response: WatchResponseInit): void {
    if (!this.#out.send(response)) this.#blocked = true;
  }
}

/** A client goes on after the progress it was told: for a watch that starts later it would step back. */
function isUpTo(watch: ServerWatch | undefined, revision: number): boolean {
  return watch !== undefined && watch.synced && watch.startRevision <= revision + 1;
}
