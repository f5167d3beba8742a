import type { MessagePort } from "node:worker_threads";
import { BatchWriter } from "./frames.ts";

/** Gathers the frames of one turn of the event loop into one message, whose buffer changes hands without a copy. */
export class Outbox {
  readonly #port: MessagePort;
  readonly #writer = new BatchWriter();
  readonly #beforeSend: (writer: BatchWriter) => void;
  readonly #onSent: (sizeBytes: number) => void;
  #scheduled: NodeJS.Immediate | undefined;
  #closed = false;

  /**
   * @param beforeSend last words of each batch
   * @param onSent told the size of each batch
   */
  constructor(
    port: MessagePort,
    options: {
      readonly beforeSend?: (writer: BatchWriter) => void;
      readonly onSent?: (sizeBytes: number) => void;
    } = {},
  ) {
    this.#port = port;
    this.#beforeSend = options.beforeSend ?? (() => undefined);
    this.#onSent = options.onSent ?? (() => undefined);
  }

  /** Where frames are written. They leave at the end of this turn. */
  get writer(): BatchWriter {
    this.schedule();
    return this.#writer;
  }

  schedule(): void {
    if (this.#closed) return;
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#closed) return;
    this.#beforeSend(this.#writer);
    if (this.#writer.length === 0) return;
    const batch = this.#writer.take();
    this.#onSent(batch.length);
    this.#port.postMessage(batch, [batch.buffer]);
  }

  close(): void {
    this.flush();
    this.#closed = true;
  }
}
