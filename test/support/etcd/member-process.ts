/**
 * One member of the replicated store in a process of its own, with its etcd port: what a master's store thread is,
 * without the API server. Its configuration is its argument; it writes one line of JSON when it serves.
 */
import { readFileSync } from "node:fs";
import { startEtcdGrpc } from "@triarch/etcd-grpc";
import { startStore, type InitialMember } from "@triarch/etcd-server";
import type { RaftTiming } from "@triarch/raft-node";
import { createLogger, createRegistry } from "@triarch/telemetry";

export interface MemberConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly initialMembers: readonly InitialMember[];
  readonly listenPeer: { readonly host: string; readonly port: number };
  readonly listenClient: { readonly host: string; readonly port: number };
  /** Files in PEM; absent: plain text, to clients and peers. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly timing?: Partial<RaftTiming>;
  readonly requestTimeoutMs?: number;
  readonly logLevel: string;
}

/** The line that says that the port is open. */
export interface MemberReady {
  readonly url: string;
}

const config = JSON.parse(process.argv[2] ?? "") as MemberConfig;
const logger = createLogger({ component: config.name, levels: config.logLevel });
const pem = (file: string): string => readFileSync(file, "utf8");
const credentials =
  config.tls === undefined
    ? undefined
    : { ca: pem(config.tls.ca), cert: pem(config.tls.cert), key: pem(config.tls.key) };

const store = await startStore({
  name: config.name,
  dataDir: config.dataDir,
  clusterToken: "test",
  initialMembers: config.initialMembers,
  listenPeer: config.listenPeer,
  ...(credentials === undefined ? {} : { peerTls: credentials }),
  ...(config.timing === undefined ? {} : { timing: config.timing }),
  ...(config.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: config.requestTimeoutMs }),
  autoCompaction: { mode: "off" },
  logger,
  onFatal: () => process.exit(3),
});
const port = await startEtcdGrpc({
  server: store.server,
  ...config.listenClient,
  tls:
    credentials === undefined ? undefined : { cert: credentials.cert, key: credentials.key, clientCa: credentials.ca },
  logger,
  registry: createRegistry("etcd-port"),
});
process.stdout.write(`${JSON.stringify({ url: port.url } satisfies MemberReady)}\n`);
process.once("SIGTERM", () => {
  void port
    .close()
    .then(() => store.close())
    .then(() => process.exit(0));
});
// Whoever started it went away.
process.stdin.on("end", () => process.exit(0)).resume();
