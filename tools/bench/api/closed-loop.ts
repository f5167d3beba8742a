// The load of a loop order: callbacks only, for each promise is the client's own CPU time.
import { HttpConnection } from "./http-connection.ts";
import type { LoadTargets, LoopOrder, LoopResult } from "./protocol.ts";
import { RequestBytes } from "./request-bytes.ts";

export async function runLoop(targets: LoadTargets, order: LoopOrder): Promise<LoopResult> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined); // heard below, or nobody asks any more
  const connections = await openConnections(targets, order, failed.reject);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  try {
    const latencies: number[] = [];
    const claim = numbersOf(order, startedMs);
    const lanes = connections.map((connection) => runLane(connection, order, claim, latencies, failed.reject));
    await Promise.race([Promise.all(lanes), failed.promise]);
    const elapsedMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    latencies.sort((left, right) => left - right);
    const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
    return { count: latencies.length, elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99), cpuMs: (user + system) / 1_000 };
  } finally {
    for (const connection of connections) connection.close();
  }
}

function openConnections(
  { urls, tls }: LoadTargets,
  { connections, firstMaster }: LoopOrder,
  onBroken: (error: Error) => void,
): Promise<HttpConnection[]> {
  return Promise.all(
    Array.from({ length: connections }, (_, i) =>
      HttpConnection.open(urls[(firstMaster + i) % urls.length] ?? "", tls, onBroken),
    ),
  );
}

/** @returns gives the next request's number, undefined when there shall be none */
function numbersOf(order: LoopOrder, startedMs: number): () => number | undefined {
  const { firstNumber, numbers = Number.POSITIVE_INFINITY, requests = Number.POSITIVE_INFINITY } = order;
  const endMs = order.durationMs === undefined ? Number.POSITIVE_INFINITY : startedMs + order.durationMs;
  let sent = 0;
  return () => (sent >= requests || performance.now() >= endMs ? undefined : (firstNumber + sent++) % numbers);
}

function runLane(
  connection: HttpConnection,
  { request, expectedStatus }: LoopOrder,
  claim: () => number | undefined,
  latencies: number[],
  onFailed: (error: Error) => void,
): Promise<void> {
  const prepared = new RequestBytes(request);
  return new Promise((resolve) => {
    const next = (): void => {
      const number = claim();
      if (number === undefined) return resolve();
      prepared.setNumber(number);
      const sentMs = performance.now();
      connection.exchange(prepared.bytes, {
        onAnswer({ status }) {
          latencies.push(performance.now() - sentMs);
          if (status === expectedStatus) next();
          else onFailed(new Error(`${request.method} ${request.path}, number ${number}: answered ${status}`));
        },
      });
    };
    next();
  });
}
