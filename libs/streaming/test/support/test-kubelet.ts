// An HTTP server with the streaming paths of a kubelet, over a target that a test writes as functions.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Test } from "tap";
import { systemTimers, type Timer, type Timers } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import {
  type CommandRequest,
  type CommandStreams,
  createStreamingServer,
  type PortRequest,
  StreamRefused,
  type StreamingServerOptions,
} from "../../src/index.ts";

export interface TestTarget {
  readonly run?: (request: CommandRequest, streams: CommandStreams) => Promise<{ readonly exitCode: number }>;
  readonly connect?: (request: PortRequest, signal: AbortSignal) => Promise<Duplex>;
}

/** @returns `127.0.0.1:PORT` */
export async function startTestKubelet(
  t: Test,
  { run, connect }: TestTarget,
  options: Partial<StreamingServerOptions> = {},
): Promise<string> {
  const missing = async (): Promise<never> => {
    throw new Error("this test has none");
  };
  const refuseGone = async ({ pod }: { readonly pod: string }): Promise<void> => {
    if (pod === "gone") throw new StreamRefused(404, "pod does not exist");
  };
  const streaming = createStreamingServer({
    target: { checkCommand: refuseGone, checkPod: refuseGone, run: run ?? missing, connect: connect ?? missing },
    logger: silentLogger,
    timers: systemTimers,
    ...options,
  });
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on("upgrade", (request, socket, head) => {
    if (!streaming.upgrade(request, socket, head)) socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(async () => {
    await streaming.close();
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Timers that fire when told to. */
export class HandTimers implements Timers {
  readonly #every = new Set<() => void>();

  after(delayMs: number, run: () => void): Timer {
    return systemTimers.after(delayMs, run);
  }

  nextTurn(): Promise<void> {
    return systemTimers.nextTurn();
  }

  every(_intervalMs: number, run: () => void): Timer {
    this.#every.add(run);
    return { cancel: () => void this.#every.delete(run) };
  }

  get running(): number {
    return this.#every.size;
  }

  fire(): void {
    for (const run of [...this.#every]) run();
  }
}
