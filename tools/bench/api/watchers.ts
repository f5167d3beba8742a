// Many watches in the load process: each counts the events that it gets.
import { connect, type ClientHttp2Session } from "node:http2";
import { HttpConnection } from "./http-connection.ts";
import type { LoadTargets, UpdatesOrder, UpdatesResult, WatchOrder } from "./protocol.ts";
import { RequestBytes } from "./request-bytes.ts";

/** Watches that are being opened at once. */
const openingMax = 64;
/** What a server takes of one client's session. */
const streamsPerSession = 250;
const newline = 10;

export class Watchers {
  readonly count: number;
  /** Called for each event that a watch has got to its last byte. */
  onEvent: () => void = () => undefined;
  /** Called when a watch has ended by itself. */
  onBroken: (error: Error) => void = () => undefined;
  readonly #closers: (() => void)[] = [];

  private constructor(count: number) {
    this.count = count;
  }

  static async open(targets: LoadTargets, order: WatchOrder): Promise<Watchers> {
    const watchers = new Watchers(order.watches);
    const opener = order.over === "h2" ? watchers.#http2Opener(targets, order) : watchers.#http1Opener(targets, order);
    let next = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < order.watches; i = next++) await opener(i);
    };
    try {
      await Promise.all(Array.from({ length: openingMax }, work));
    } catch (error) {
      watchers.close();
      throw error;
    }
    return watchers;
  }

  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }

  #http1Opener({ urls, tls }: LoadTargets, { path }: WatchOrder): (i: number) => Promise<void> {
    const request = new RequestBytes({ method: "GET", path }).bytes;
    return async (i) => {
      const connection = await HttpConnection.open(urls[i % urls.length] ?? "", tls, (error) => this.#break(error));
      this.#closers.push(() => connection.close());
      await new Promise<void>((resolve, reject) => {
        connection.exchange(request, {
          onHead: (status) => (status === 200 ? resolve() : reject(new Error(`a watch was answered ${status}`))),
          onBody: (part) => this.#count(part),
          onAnswer: () => this.#break(new Error("a watch has ended")),
        });
      });
    };
  }

  #http2Opener({ urls, tls }: LoadTargets, { path, watches }: WatchOrder): (i: number) => Promise<void> {
    const perMaster = Math.ceil(watches / urls.length / streamsPerSession);
    const sessions: ClientHttp2Session[] = Array.from({ length: perMaster * urls.length }, (_, i) => {
      const session = connect(urls[i % urls.length] ?? "", tls);
      session.on("error", (error) => this.#break(error));
      this.#closers.push(() => session.destroy());
      return session;
    });
    return (i) =>
      new Promise((resolve, reject) => {
        const stream = sessions[i % sessions.length]?.request({ ":path": path, accept: "application/json" });
        stream?.once("response", ({ ":status": status }) => {
          if (status === 200) resolve();
          else reject(new Error(`a watch was answered ${status}`));
        });
        stream?.once("error", reject);
        stream?.on("data", (part: Buffer) => this.#count(part));
      });
  }

  /** No newline is inside of an event. */
  #count(part: Buffer): void {
    for (let at = part.indexOf(newline); at >= 0; at = part.indexOf(newline, at + 1)) this.onEvent();
  }

  #break(error: Error): void {
    if (this.#closers.length > 0) this.onBroken(error);
  }
}

export async function sendUpdates(
  { urls, tls }: LoadTargets,
  { request, updates, firstNumber }: UpdatesOrder,
  watchers: readonly Watchers[],
): Promise<UpdatesResult> {
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const writer = await HttpConnection.open(urls[0] ?? "", tls, broken.reject);
  const prepared = new RequestBytes(request);
  for (const one of watchers) one.onBroken = broken.reject;
  const watching = watchers.reduce((sum, { count }) => sum + count, 0);
  const cpuBefore = process.cpuUsage();
  const seenMs: number[] = [];
  try {
    for (let n = 0; n < updates; n++) {
      const seen = allHaveSeen(watchers, watching);
      prepared.setNumber(firstNumber + n);
      const sentMs = performance.now();
      const [lastMs] = await Promise.race([Promise.all([seen, write(writer, prepared.bytes)]), broken.promise]);
      seenMs.push(lastMs - sentMs);
    }
  } finally {
    writer.close();
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seenMs, cpuMs: (user + system) / 1_000 };
}

/** @returns when the last event came */
function allHaveSeen(watchers: readonly Watchers[], watching: number): Promise<number> {
  let missing = watching;
  return new Promise((resolve) => {
    for (const one of watchers) {
      one.onEvent = () => {
        missing -= 1;
        if (missing === 0) resolve(performance.now());
      };
    }
  });
}

function write(connection: HttpConnection, request: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.exchange(request, {
      onAnswer: ({ status }) => (status === 200 ? resolve() : reject(new Error(`an update was answered ${status}`))),
    });
  });
}
