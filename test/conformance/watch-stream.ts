// One watch as a queue of its events.
import type { Readable } from "node:stream";
import { request, type Dispatcher } from "undici";
import type { JsonObject } from "@triarch/api";

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

const eventTimeoutMs = 20_000;

export class WatchStream {
  readonly #body: Readable;
  readonly #events: AsyncGenerator<WatchEvent, undefined>;

  private constructor(body: Readable) {
    this.#body = body;
    body.on("error", () => undefined);
    this.#events = events(body);
  }

  /** @throws Error unless the server answers 200 */
  static async open(url: string, dispatcher: Dispatcher, authorization: string): Promise<WatchStream> {
    const { statusCode, body } = await request(url, { dispatcher, headers: { authorization }, bodyTimeout: 0 });
    if (statusCode !== 200) throw new Error(`watch ${url}: ${statusCode} ${await body.text()}`);
    return new WatchStream(body);
  }

  /** The next event. @throws Error when none comes in time or the stream ends */
  async next(): Promise<WatchEvent> {
    const timer = setTimeout(() => this.#body.destroy(), eventTimeoutMs);
    try {
      const { value } = await this.#events.next();
      if (value === undefined) throw new Error("the watch ended or brought nothing in time");
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Events are passed over until one fits. */
  async until(fits: (event: WatchEvent) => boolean): Promise<WatchEvent> {
    for (;;) {
      const event = await this.next();
      if (fits(event)) return event;
    }
  }

  close(): void {
    this.#body.destroy();
  }
}

async function* events(body: Readable): AsyncGenerator<WatchEvent, undefined> {
  let rest = "";
  try {
    for await (const chunk of body.setEncoding("utf8")) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield JSON.parse(line) as WatchEvent;
    }
  } catch {
    // It was closed, by us or by the server.
  }
  return undefined;
}
