// One member of ours as etcd is one: the store and its etcd port, no Kubernetes API. Told everything in one argument.
import { startEtcdGrpc } from "@triarch/etcd-grpc";
import { startStore } from "@triarch/etcd-server";
import { createLogger, createRegistry } from "@triarch/telemetry";
import type { MemberConfig } from "./clusters.ts";

const config = JSON.parse(process.argv[2] ?? "") as MemberConfig;
const logger = createLogger({ component: "store", levels: "warn" });
const store = await startStore({
  name: config.name,
  dataDir: config.dataDir,
  clusterToken: "bench",
  initialMembers: config.members.map(({ name, peerPort }) => ({
    name,
    peerUrls: [`https://127.0.0.1:${peerPort}`],
  })),
  clientUrls: [`https://127.0.0.1:${config.clientPort}`],
  listenPeer: { host: "127.0.0.1", port: config.peerPort },
  peerTls: config.tls,
  quotaBytes: 8 * 1024 ** 3,
  logger,
  onFatal: (error) => {
    throw error;
  },
});
await startEtcdGrpc({
  server: store.server,
  host: "127.0.0.1",
  port: config.clientPort,
  tls: { cert: config.tls.cert, key: config.tls.key, clientCa: config.tls.ca },
  logger,
  registry: createRegistry("etcd"),
});
process.on("SIGTERM", () => {
  void store.close().then(() => process.exit(0));
});
