// Figures under the names that people's dashboards and alerts for etcd look for. What the store measures itself (log
// syncs among them) is in the same registry, from there.
import type { Socket } from "node:net";
import type { EtcdServer } from "@triarch/etcd-server";
import { Counter, Gauge, Histogram, type Registry } from "@triarch/telemetry";
import { grpcCodes } from "./status.ts";

/** As gRPC's own interceptors write codes. */
const codeNames = new Map<number, string>(
  Object.entries(grpcCodes).map(([name, code]) => [
    code,
    code === grpcCodes.ok ? "OK" : name.charAt(0).toUpperCase() + name.slice(1),
  ]),
);

export interface EtcdMetrics {
  /** @param path "" for a method that is not served */
  callFinished(path: string, code: number, seconds: number): void;
  healthLooked(healthy: boolean): void;
  socketOpened(socket: Socket): void;
  close(): void;
}

export function etcdMetrics(server: EtcdServer, registry: Registry, version: string): EtcdMetrics {
  const registers = [registry];
  const handled = new Counter({
    ...{ name: "grpc_server_handled_total", help: "calls that have ended, by method and status", registers },
    labelNames: ["grpc_service", "grpc_method", "grpc_code"],
  });
  const duration = new Histogram({
    ...{ name: "grpc_server_handling_seconds", help: "time from a call's headers to its status", registers },
    labelNames: ["grpc_service", "grpc_method"],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 7],
  });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const healthy = counter("etcd_server_health_success", "looks at /health that found this member well");
  const unhealthy = counter("etcd_server_health_failures", "looks at /health that did not");
  const leaderChanges = counter("etcd_server_leader_changes_seen_total", "leaders that this member has seen come");
  const received = counter("etcd_network_client_grpc_received_bytes_total", "bytes from clients of this port");
  const sent = counter("etcd_network_client_grpc_sent_bytes_total", "bytes to clients of this port");
  registerGauges(server, registers, version);
  const stop = server.onLeaderChange((leader) => {
    if (leader !== 0n) leaderChanges.inc();
  });
  return {
    callFinished(path, code, seconds) {
      const [, service = "unknown", method = "unknown"] = path.split("/");
      const names = { grpc_service: service, grpc_method: method };
      handled.inc({ ...names, grpc_code: codeNames.get(code) ?? String(code) });
      duration.observe(names, seconds);
    },
    healthLooked: (well) => (well ? healthy : unhealthy).inc(),
    socketOpened: (socket) =>
      void socket.once("close", () => {
        received.inc(socket.bytesRead);
        sent.inc(socket.bytesWritten);
      }),
    close: stop,
  };
}

/** Read when the registry is asked, at no cost otherwise. */
function registerGauges(server: EtcdServer, registers: Registry[], version: string): void {
  const gauge = (name: string, help: string, value: () => number | Promise<number>): void => {
    const made: Gauge = new Gauge({
      ...{ name, help, registers },
      collect: async () => made.set(await value()),
    });
  };
  const now = (): ReturnType<EtcdServer["storeStatus"]> => server.storeStatus();
  gauge("etcd_server_has_leader", "1: this member knows a leader", () => (server.leaderId() === 0n ? 0 : 1));
  gauge("etcd_server_is_leader", "1: this member leads", () => (now().role === "leader" ? 1 : 0));
  gauge("etcd_server_is_learner", "1: this member has no vote", () => (server.isLearner() ? 1 : 0));
  gauge("etcd_server_proposals_committed_total", "the commit index", () => now().commitIndex);
  gauge("etcd_server_proposals_applied_total", "the applied index", () => now().appliedIndex);
  gauge("etcd_debugging_mvcc_current_revision", "the store's revision", () => server.header().revision);
  gauge("etcd_mvcc_db_total_size_in_bytes", "size of the database's files", async () => (await server.status()).dbSize);
  gauge(
    "etcd_mvcc_db_total_size_in_use_in_bytes",
    "of that, what is in use",
    async () => (await server.status()).dbSizeInUse,
  );
  gauge(
    "etcd_server_quota_backend_bytes",
    "database size at which writes are refused",
    async () => (await server.status()).dbSizeQuota,
  );
  const labeled = (name: string, help: string, label: string, value: () => string): void => {
    const made: Gauge = new Gauge({
      ...{ name, help, registers, labelNames: [label] },
      collect: () => made.set({ [label]: value() }, 1),
    });
  };
  labeled("etcd_server_version", "1 for the version in the label", "server_version", () => version);
  labeled("etcd_server_id", "1 for the member in the label", "server_id", () => now().memberId.toString(16));
}
