import { join } from "node:path";
import { startStore, type EtcdServer, type TokenOptions } from "@triarch/etcd-server";
import { createRegistry, silentLogger } from "@triarch/telemetry";
import { startEtcdGrpc } from "../src/index.ts";

/** One member of ours behind a port in plain text, for tests that speak to real etcd in the same way. */
export interface PlainPort {
  readonly url: string;
  readonly server: EtcdServer;
  close(): Promise<void>;
}

export async function startPlainPort(
  dir: string,
  options: { readonly authTokens?: TokenOptions } = {},
): Promise<PlainPort> {
  const store = await startStore({
    name: "m1",
    dataDir: join(dir, "data"),
    clusterToken: "test",
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    listenPeer: { host: "127.0.0.1", port: 0 },
    timing: { tickMs: 10 },
    logger: silentLogger,
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
  const { server } = store;
  const registry = createRegistry("plain-port");
  const port = await startEtcdGrpc({
    server,
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    logger: silentLogger,
    registry,
  });
  await server.readBarrier(); // there is a leader
  return {
    url: port.url,
    server,
    async close() {
      await port.close();
      await store.close();
    },
  };
}
