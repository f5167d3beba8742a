import { emptyBytes } from "@triarch/base";
import type { StoreEvent, StoreFailure, StoreKeyValue, StoreWatchHandlers } from "../store-client.ts";
import { type BatchReader, frame } from "./frames.ts";
import { fromJson, readVersion } from "./rows.ts";

export interface ClientWatch {
  readonly handlers: StoreWatchHandlers;
}

/**
 * Reads a frame about watches and calls their handlers. A frame about a watch that was closed meanwhile is read and
 * dropped. A handler that throws is reported as an uncaught exception; the batch is read on.
 *
 * @returns false, with nothing read, when the frame is about something else
 */
export function answerWatch(watches: Map<number, ClientWatch>, kind: number, id: number, reader: BatchReader): boolean {
  switch (kind) {
    case frame.events: {
      const events = readEvents(reader);
      call(() => watches.get(id)?.handlers.onEvents(events));
      return true;
    }
    case frame.progress: {
      const revision = reader.number();
      call(() => watches.get(id)?.handlers.onProgress(revision));
      return true;
    }
    case frame.progressAll: {
      const lastWatchId = reader.number();
      // Watches that a handler opens meanwhile come last, with later numbers.
      for (const [watchId, { handlers }] of watches) {
        if (watchId > lastWatchId) continue;
        try {
          handlers.onProgress(id);
        } catch (error) {
          throwLater(error);
        }
      }
      return true;
    }
    case frame.watchEnd: {
      const failure = fromJson(reader.text()) as StoreFailure;
      const watch = watches.get(id);
      watches.delete(id);
      call(() => watch?.handlers.onEnd(failure));
      return true;
    }
    default:
      return false;
  }
}

const eventPut = 0;
const eventHasPrevious = 2;

function readEvents(reader: BatchReader): StoreEvent[] {
  const events: StoreEvent[] = [];
  for (let left = reader.number(); left > 0; left--) {
    const flags = reader.byte();
    const key = reader.text();
    const put = (flags & 1) === eventPut;
    const row = put ? readVersion(reader, key) : tombstone(key, reader.number());
    const previous = (flags & eventHasPrevious) === 0 ? undefined : readVersion(reader, key);
    events.push({ kind: put ? "put" : "delete", row, previous });
  }
  return events;
}

function tombstone(key: string, modRevision: number): StoreKeyValue {
  return { key, value: emptyBytes, createRevision: 0, modRevision, version: 0, leaseId: 0n };
}

function call(handler: () => void): void {
  try {
    handler();
  } catch (error) {
    throwLater(error);
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
