import type { MessagePort } from "node:worker_threads";
import {
  StoreError,
  type StoreClient,
  type StoreFailure,
  type StoreKeyValue,
  type StoreRange,
  type StoreRangeOptions,
  type StoreStatus,
  type StoreWatch,
  type StoreWatchHandlers,
  type WriteOutcome,
} from "../store-client.ts";
import { answerWatch, type ClientWatch } from "./client-watches.ts";
import { BatchReader, type BatchWriter, frame, type FrameKind } from "./frames.ts";
import { Outbox } from "./outbox.ts";
import { fromJson, readOptionalRow, readRow } from "./rows.ts";

/** Requests without an answer yet; past it a request fails with `tooManyRequests`, unsent. */
export const pendingRequestsMax = 20_000;
/** Taken-in bytes are reported at least this often, well inside the sender's bound. */
const takenReportBytes = 1024 * 1024;

interface Pending {
  /** Rows of a list that have come so far. */
  readonly rows: StoreKeyValue[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StoreError) => void;
}

/**
 * The API thread's end of the bridge: `StoreClient` over a MessagePort whose other end `serveStore` holds. Row values
 * are views of the batch they came in: copy a value that is to outlive its neighbours by far.
 */
export function connectStore(port: MessagePort): StoreClient {
  return new StoreConnection(port);
}

class StoreConnection implements StoreClient {
  readonly #port: MessagePort;
  readonly #outbox: Outbox;
  readonly #pending = new Map<number, Pending>();
  readonly #watches = new Map<number, ClientWatch>();
  #nextId = 1;
  #takenBytes = 0;
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    this.#outbox = new Outbox(port, { beforeSend: (writer) => this.#reportTaken(writer) });
    port.on("message", (batch: Uint8Array<ArrayBuffer>) => this.#receive(batch));
    port.on("close", () => this.#end());
  }

  async put(request: {
    readonly key: string;
    readonly value: Uint8Array;
    readonly expectedModRevision: number;
    readonly leaseId?: bigint;
  }): Promise<WriteOutcome> {
    return (await this.#ask(frame.put, (writer) => {
      writer.text(request.key).number(request.expectedModRevision);
      writer.bigint(BigInt.asUintN(64, request.leaseId ?? 0n)).bytes(request.value);
    })) as WriteOutcome;
  }

  async delete(request: { readonly key: string; readonly expectedModRevision: number }): Promise<WriteOutcome> {
    return (await this.#ask(frame.delete, (writer) => {
      writer.text(request.key).number(request.expectedModRevision);
    })) as WriteOutcome;
  }

  async get(
    key: string,
    options?: { readonly revision?: number; readonly serializable?: boolean },
  ): Promise<StoreRange> {
    return (await this.#ask(frame.get, (writer) => {
      writer
        .text(key)
        .number(options?.revision ?? 0)
        .byte(options?.serializable === true ? 1 : 0);
    })) as StoreRange;
  }

  async list(prefix: string, options?: StoreRangeOptions & { readonly startAfter?: string }): Promise<StoreRange> {
    return (await this.#ask(frame.list, (writer) => {
      writer
        .text(prefix)
        .number(options?.revision ?? 0)
        .number(options?.limit ?? 0);
      writer.byte((options?.serializable === true ? 1 : 0) | (options?.countOnly === true ? 2 : 0));
      const startAfter = options?.startAfter;
      writer.byte(startAfter === undefined ? 0 : 1);
      if (startAfter !== undefined) writer.text(startAfter);
    })) as StoreRange;
  }

  async readBarrier(): Promise<number> {
    return (await this.#ask(frame.readBarrier)) as number;
  }

  watch(prefix: string, startRevision: number, handlers: StoreWatchHandlers): StoreWatch {
    if (this.#closed) {
      queueMicrotask(() => handlers.onEnd({ code: "stopped" }));
      return { close: () => undefined };
    }
    const id = this.#nextId++;
    this.#watches.set(id, { handlers });
    this.#outbox.writer.frame(frame.watch, id).text(prefix).number(startRevision);
    return {
      close: () => {
        if (this.#watches.delete(id)) this.#outbox.writer.frame(frame.unwatch, id);
      },
    };
  }

  async leaseGrant(ttlSeconds: number): Promise<bigint> {
    return (await this.#ask(frame.leaseGrant, (writer) => writer.number(ttlSeconds))) as bigint;
  }

  async compact(revision: number): Promise<void> {
    await this.#ask(frame.compact, (writer) => writer.number(revision));
  }

  async status(): Promise<StoreStatus> {
    return (await this.#ask(frame.status)) as StoreStatus;
  }

  async handOverLeadership(): Promise<void> {
    await this.#ask(frame.handOver);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#outbox.close();
    this.#port.close();
    this.#end();
  }

  #ask(kind: FrameKind, fields: (writer: BatchWriter) => void = () => undefined): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreError({ code: "stopped" }));
    if (this.#pending.size >= pendingRequestsMax) return Promise.reject(new StoreError({ code: "tooManyRequests" }));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { rows: [], resolve, reject });
      fields(this.#outbox.writer.frame(kind, id));
    });
  }

  #receive(batch: Uint8Array<ArrayBuffer>): void {
    this.#takenBytes += batch.length;
    if (this.#takenBytes >= takenReportBytes) this.#outbox.schedule();
    const reader = new BatchReader(batch);
    while (!reader.done && !this.#closed) {
      const kind = reader.byte();
      const id = reader.number();
      if (kind === frame.stopped) this.#end();
      else if (!answerWatch(this.#watches, kind, id, reader)) this.#answer(kind, id, reader);
    }
  }

  #answer(kind: number, id: number, reader: BatchReader): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new Error(`bridge: frame ${kind} answers request ${id}, which nobody asked`);
    if (kind === frame.rows) {
      for (let left = reader.number(); left > 0; left--) pending.rows.push(readRow(reader));
      return;
    }
    this.#pending.delete(id);
    if (kind === frame.failure) pending.reject(new StoreError(fromJson(reader.text()) as StoreFailure));
    else pending.resolve(readAnswer(kind, pending.rows, reader));
  }

  #reportTaken(writer: BatchWriter): void {
    if (this.#takenBytes === 0) return;
    writer.frame(frame.taken, this.#takenBytes);
    this.#takenBytes = 0;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.close();
    this.#port.close();
    const pending = [...this.#pending.values()];
    const watches = [...this.#watches.values()];
    this.#pending.clear();
    this.#watches.clear();
    for (const one of pending) one.reject(new StoreError({ code: "stopped" }));
    for (const watch of watches) watch.handlers.onEnd({ code: "stopped" });
  }
}

function readAnswer(kind: number, rows: readonly StoreKeyValue[], reader: BatchReader): unknown {
  switch (kind) {
    case frame.written: {
      const revision = reader.number();
      return { kind: "written", revision, previous: readOptionalRow(reader) } satisfies WriteOutcome;
    }
    case frame.conflict: {
      const revision = reader.number();
      return { kind: "conflict", revision, current: readOptionalRow(reader) } satisfies WriteOutcome;
    }
    case frame.rangeEnd: {
      const revision = reader.number();
      const count = reader.number();
      return { revision, rows, count, more: reader.byte() === 1 } satisfies StoreRange;
    }
    case frame.revision:
      return reader.number();
    case frame.leaseId:
      return BigInt.asIntN(64, reader.bigint());
    case frame.json:
      return fromJson(reader.text());
    case frame.done:
      return undefined;
    default:
      throw new Error(`bridge: unknown frame ${kind}`);
  }
}
