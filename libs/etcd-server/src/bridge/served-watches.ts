import { EventType, type Event } from "@triarch/etcd-proto";
import { assertDefined, prefixEnd } from "@triarch/base";
import type { StoreFailure } from "../store-client.ts";
import type { EtcdServer, ServerWatch, ServerWatchSink } from "../server/etcd-server.ts";
import { type BatchWriter, frame } from "./frames.ts";
import type { Outbox } from "./outbox.ts";
import type { Room } from "./room.ts";
import { toJson, writeVersion } from "./rows.ts";
import { storeFailure } from "./store-failure.ts";

interface Served {
  readonly watch: ServerWatch;
  /** The other side knows of progress up to here. */
  toldRevision: number;
  /** What the store reported last; told with the next batch. */
  progressRevision: number;
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
      const watch = this.#server.watch(request, this.#sink(id, startRevision));
      this.#watches.set(id, { watch, toldRevision: 0, progressRevision: 0 });
    } catch (error) {
      this.#end(id, storeFailure(error)); // the store is stopping
    }
  }

  #sink(id: number, startRevision: number): ServerWatchSink {
    return {
      onEvents: (events) => this.#sendEvents(id, events),
      onProgress: (revision) => this.#progress(id, revision),
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
    const behind = [...this.#watches].filter(([, served]) => served.progressRevision > served.toldRevision);
    const revision = behind[0]?.[1].progressRevision ?? 0;
    const alike =
      behind.length === this.#watches.size && behind.every(([, served]) => served.progressRevision === revision);
    if (alike && behind.length > 1) writer.frame(frame.progressAll, revision).number(this.#lastWatchId);
    else for (const [id, served] of behind) writer.frame(frame.progress, id).number(served.progressRevision);
    for (const [, served] of behind) served.toldRevision = served.progressRevision;
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

  #progress(id: number, revision: number): void {
    const served = this.#watches.get(id);
    if (served === undefined) return;
    served.progressRevision = revision;
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
