// The store thread's whole life: start the member, serve the bridge and the etcd port, stop when told.
// Runs as a worker thread of `startStoreWorker`.
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { assertDefined } from "@triarch/base";
import { startEtcdGrpc, startWaitingPort, type EtcdGrpc } from "@triarch/etcd-grpc";
import { serveStore, startStore } from "@triarch/etcd-server";
import { createLogger, createRegistry } from "@triarch/telemetry";
import type { StoreThreadOptions, StoreThreadOrder, StoreThreadReport } from "./server/store-worker.ts";

const parent = assertDefined(parentPort, "store-thread.ts runs only as a worker thread");
const { options, port } = workerData as { readonly options: StoreThreadOptions; readonly port: MessagePort };

const report = (message: StoreThreadReport): void => parent.postMessage(message);

/** @returns what stops it */
async function run(): Promise<() => Promise<void>> {
  const logger = createLogger({ component: "store", levels: options.logLevels }).child({ master: options.name });
  const { name, dataDir, clusterToken, initialCluster, clusterId, join, peer } = options;
  const ownClientUrl = initialCluster.find((member) => member.name === name)?.clientUrl;
  const registry = createRegistry();
  let waiting: Promise<EtcdGrpc> | undefined;
  const store = await startStore({
    name,
    dataDir,
    clusterToken,
    initialMembers: initialCluster.map(({ name: memberName, peerUrl, id }) => {
      return { name: memberName, peerUrls: [peerUrl], ...(id === undefined ? {} : { id }) };
    }),
    ...(clusterId === undefined ? {} : { clusterId }),
    ...(join === undefined ? {} : { join }),
    listenPeer: peer.listen,
    ...(ownClientUrl === undefined ? {} : { clientUrls: [ownClientUrl] }),
    ...(peer.tls === undefined ? {} : { peerTls: peer.tls }),
    ...options.tuning,
    registry,
    logger,
    onWaiting: (reason) => {
      if (options.etcd === undefined) return;
      const { listen, tls } = options.etcd;
      waiting = startWaitingPort({ ...listen, tls, logger, reason: `${reason}; waiting for another member's state` });
      waiting.catch((error: unknown) =>
        logger.warn({ error: String(error) }, "nobody can be told that this member waits"),
      );
    },
    onFatal: (error) => report({ kind: "fatal", message: `the store can't go on: ${error.message}` }),
  });
  await waiting?.then((told) => told.close()).catch(() => undefined); // said above
  const served = serveStore(port, store.server);
  let etcd: EtcdGrpc | undefined;
  try {
    if (options.etcd !== undefined) {
      const { listen, tls } = options.etcd;
      etcd = await startEtcdGrpc({ server: store.server, ...listen, tls, logger, registry });
    }
  } catch (error) {
    served.close();
    await store.close();
    throw error;
  }
  report({ kind: "started", etcdUrl: etcd?.url });
  return async () => {
    await etcd?.close();
    served.close();
    await store.close();
  };
}

try {
  const stop = await run();
  parent.on("message", (order: StoreThreadOrder) => {
    if (order !== "stop") return;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        report({ kind: "fatal", message: `the store did not stop cleanly: ${String(error)}` });
        process.exit(1);
      },
    );
  });
} catch (error) {
  report({ kind: "refused", message: error instanceof Error ? error.message : String(error) });
}
