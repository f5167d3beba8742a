import type { EtcdServer, RunningStore } from "@triarch/etcd-server";
import { createRegistry, silentLogger } from "@triarch/telemetry";
import { startEtcdGrpc } from "../src/index.ts";
import { startLoneStore } from "./lone-store.ts";

/** One member of ours behind a port in plain text, for tests that speak to real etcd in the same way. */
export interface PlainPort {
  readonly url: string;
  readonly server: EtcdServer;
  close(): Promise<void>;
}

export async function startPlainPort(
  dir: string,
  options: Parameters<typeof startLoneStore>[1] = {},
): Promise<PlainPort> {
  return openPlainPort(await startLoneStore(dir, options));
}

/** @param server of the store, or what stands in for it */
export async function openPlainPort(store: RunningStore, server: EtcdServer = store.server): Promise<PlainPort> {
  const port = await startEtcdGrpc({
    server,
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    logger: silentLogger,
    registry: createRegistry(),
  });
  return {
    url: port.url,
    server,
    async close() {
      await port.close();
      await store.close();
    },
  };
}
