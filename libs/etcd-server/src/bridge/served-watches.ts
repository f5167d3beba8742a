import { EventType, type Event } from "@triarch/etcd-proto";
import { assertDefined, prefixEnd } from "@triarch/base";
import type { StoreFailure } from "../store-client.ts";
import type { EtcdServer, ServerWatch, ServerWatchSink } from "../server/etcd-server.ts";
import { type BatchWriter, frame } from "./frames.ts";
import type { Outbox } from "./outbox.ts";
import type { Room } from "./room.ts";
import { toJson, writeVersion } from "./rows.ts";
import { storeFailure } from "./store-failure.ts";

interface Place {
  /** The other side knows of progress up to here. */
  toldRevision: number;
  /** What the store reported last; told with the next batch. */
  progressRevision: number;
}

interface Served extends Place {
  readonly watch: ServerWatch;
}

/**
 * The watches of one link. Each event is encoded once per watch, straight from the store's message. Progress is not
 * sent at once but with the batch that leaves at the end of the turn, as one frame when all watches stand alike.
 */
export class ServedWatches {
  readonly #server: EtcdServer;
  readonly #outbox: Outbox;
  readonly #room: Room;
  readonly #watches = new Map<number, Served>();
  #lastWatchId = 0;
  #progressPending = false;

  constructor(server: EtcdServer, outbox: Outbox, room: Room) {
    this.#server = server;
    this.#outbox = outbox;
    this.#room = room;
  }

  open(id: number, prefix: Uint8Array, startRevision: number): void {
    const key = prefix.length === 0 ? new Uint8Array(1) : prefix.slice();
    const request = { key, rangeEnd: prefixEnd(prefix), startRevision: Math.max(startRevision, 0), prevKv: true };
    this.#lastWatchId = id;
    try {
      const place: Place = { toldRevision: 0, progressRevision: 0 };
      const watch = this.#server.watch(request, this.#sink(id, startRevision, place));
      this.#watches.set(id, Object.assign(place, { watch }));
    } catch (error) {
      this.#end(id, storeFailure(error)); // the store is stopping
    }
  }

  #sink(id: number, startRevision: number, place: Place): ServerWatchSink {
    return {
      onEvents: (events) => this.#sendEvents(id, events),
      onProgress: (revision) => this.#progress(place, revision),
      onCompacted: (compactRevision) => this.#end(id, { code: "compacted", requested: startRevision, compactRevision }),
      onStopped: () => this.#end(id, { code: "stopped" }),
    };
  }

  close(id: number): void {
    this.#watches.get(id)?.watch.close();
    this.#watches.delete(id);
  }

  closeAll(): void {
    for (const id of [...this.#watches.keys()]) this.close(id);
  }

  /** Adds what is to be told to the batch about to leave, behind every event in it. */
  writeProgress(writer: BatchWriter): void {
    if (!this.#progressPending) return;
    this.#progressPending = false;
    const revision = this.#commonRevision();
    if (revision !== undefined) writer.frame(frame.progressAll, revision).number(this.#lastWatchId);
    for (const [id, served] of this.#watches) {
      if (served.progressRevision <= served.toldRevision) continue;
      if (revision === undefined) writer.frame(frame.progress, id).number(served.progressRevision);
      served.toldRevision = served.progressRevision;
    }
  }

  /** What all watches, and more than one, are to be told; undefined when they differ. With every write, so without arrays. */
  #commonRevision(): number | undefined {
    if (this.#watches.size < 2) return undefined;
    let common: number | undefined;
    for (const { progressRevision, toldRevision } of this.#watches.values()) {
      if (progressRevision <= toldRevision || progressRevision !== (common ??= progressRevision)) return undefined;
    }
    return common;
  }

  #sendEvents(id: number, events: readonly Event[]): boolean {
    if (this.#room.full) {
      this.#room.whenFree(() => this.#watches.get(id)?.watch.resume());
      return false;
    }
    const writer = this.#outbox.writer.frame(frame.events, id).number(events.length);
    for (const event of events) writeEvent(writer, event);
    return true;
  }

  #end(id: number, failure: StoreFailure): void {
    this.#watches.delete(id);
    this.#outbox.writer.frame(frame.watchEnd, id).text(toJson(failure));
  }

  #progress(place: Place, revision: number): void {
    place.progressRevision = revision;
    if (this.#progressPending) return;
    this.#progressPending = true;
    this.#outbox.schedule();
  }
}

function writeEvent(writer: BatchWriter, event: Event): void {
  const row = assertDefined(event.kv, "an event has a row");
  const isDelete = event.type === EventType.delete;
  writer.byte((isDelete ? 1 : 0) | (event.prevKv === undefined ? 0 : 2)).bytes(row.key);
  if (isDelete) writer.number(row.modRevision);
  else writeVersion(writer, row);
  if (event.prevKv !== undefined) writeVersion(writer, event.prevKv);
}
