// From the put being sent until all of so many watchers of one prefix have its event.
import { PutRequest, WatchRequest, WatchResponse } from "@triarch/etcd-proto";
import { utf8 } from "@triarch/base";
import { median } from "../figures.ts";
import type { BenchCluster } from "./clusters.ts";

const watcherCount = 1_000;
const streams = 12;
const putsPerRound = 20;

/** @returns milliseconds, the median of `rounds` times 20 puts */
export async function watchLatencyMs(cluster: BenchCluster, rounds: number): Promise<number> {
  const [writer, ...connections] = await cluster.connections(streams + 1);
  let created = 0;
  let seen = 0;
  let onSeen = (): void => undefined;
  const onAllCreated = Promise.withResolvers<void>();
  try {
    for (const connection of connections) {
      const stream = connection.stream("/etcdserverpb.Watch/Watch", (bytes) => {
        const response = WatchResponse.decode(bytes);
        if (response.created && ++created === watcherCount) onAllCreated.resolve();
        seen += response.events.length;
        if (response.events.length > 0 && seen === watcherCount) onSeen();
      });
      for (let i = connections.indexOf(connection); i < watcherCount; i += streams) {
        stream.send(WatchRequest.encode({ createRequest: { key: utf8("watched/"), rangeEnd: utf8("watched0") } }));
      }
    }
    await onAllCreated.promise;
    const times: number[] = [];
    for (let n = 0; n < rounds * putsPerRound; n++) {
      seen = 0;
      const all = new Promise<void>((resolve) => (onSeen = resolve));
      const startedMs = performance.now();
      const value = new Uint8Array(256).fill(n % 256);
      await writer?.unary("/etcdserverpb.KV/Put", PutRequest.encode({ key: utf8(`watched/${n % 100}`), value }));
      await all;
      times.push(performance.now() - startedMs);
    }
    return median(times);
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
    await writer?.close();
  }
}
