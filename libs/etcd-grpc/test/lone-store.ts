import { join } from "node:path";
import { startStore, type RunningStore, type StoreOptions } from "@triarch/etcd-server";
import { silentLogger } from "@triarch/telemetry";

/** A store of one member in `dir/data`, with a leader. */
export async function startLoneStore(dir: string, options: Partial<StoreOptions> = {}): Promise<RunningStore> {
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
  await store.server.readBarrier();
  return store;
}
