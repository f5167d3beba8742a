// The store thread seen from the API thread: starts it, connects the bridge, notices when it dies.
import { MessageChannel, Worker } from "node:worker_threads";
import { connectStore, type StoreClient } from "@triarch/etcd-server";
import type { ListenAddress } from "../http/listeners.ts";
import type { StoreTuning } from "./store-config.ts";

/** Everything the store thread needs; plain data, so that it can be sent to it. */
export interface StoreThreadOptions {
  readonly name: string;
  readonly dataDir: string;
  readonly clusterToken: string;
  readonly initialCluster: readonly ClusterMember[];
  /** Of a cluster whose membership has changed since it began; then every member of `initialCluster` has an id. */
  readonly clusterId?: bigint | undefined;
  /** A new member of a running cluster. */
  readonly join?: boolean;
  readonly peer: {
    readonly listen: ListenAddress;
    readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  };
  /** The etcd port; undefined: none. */
  readonly etcd:
    | {
        readonly listen: ListenAddress;
        readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
      }
    | undefined;
  /** Default: as the store has it. */
  readonly tuning?: StoreTuning;
  readonly logLevels: string;
}

export interface ClusterMember {
  readonly name: string;
  /** Undefined: follows from the peer URL and the cluster's token. */
  readonly id?: bigint | undefined;
  readonly peerUrl: string;
  readonly clientUrl: string | undefined;
}

export type StoreThreadReport =
  | { readonly kind: "started"; readonly etcdUrl: string | undefined }
  /** It could not start. */
  | { readonly kind: "refused"; readonly message: string }
  /** It ran and can't go on. */
  | { readonly kind: "fatal"; readonly message: string };

export type StoreThreadOrder = "stop";

export interface StoreWorker {
  readonly store: StoreClient;
  readonly etcdUrl: string | undefined;
  /** Resolves with what was wrong when the thread ends without having been asked to. */
  readonly failed: Promise<Error>;
  /** Hands over, makes everything durable, ends the thread. */
  close(): Promise<void>;
}

/**
 * Three times a semi-space. The store makes much garbage outside the heap (rows, messages), which is freed with the
 * young generation: with Node's 16 to 32 MiB semi-spaces tens of MiB of it wait, and leave holes behind.
 */
const youngGenerationMiB = 24;

/** Longest a stop waits for the store to make everything durable; what is left is in its log. */
const stopTimeoutMs = 10_000;

/** @throws Error saying why the store can't start: its data directory, its ports, its options */
export async function startStoreWorker(options: StoreThreadOptions): Promise<StoreWorker> {
  const { port1, port2 } = new MessageChannel();
  const module = import.meta.url.endsWith(".ts") ? "../store-thread.ts" : "../store-thread.js";
  const worker = new Worker(new URL(module, import.meta.url), {
    workerData: { options, port: port2 },
    transferList: [port2],
    name: "store",
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
  });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  let stopping = false;
  const failed = new Promise<Error>((resolve) => {
    worker.on("error", (error) => resolve(new Error(`the store thread failed: ${String(error)}`, { cause: error })));
    worker.on("message", (report: StoreThreadReport) => {
      if (report.kind === "fatal") resolve(new Error(report.message));
    });
    worker.once("exit", (code) => {
      if (!stopping) resolve(new Error(`the store thread ended with code ${code}`));
    });
  });
  const report = await Promise.race([firstReport(worker), failed]);
  if (report instanceof Error || report.kind !== "started") {
    stopping = true;
    port1.close();
    await worker.terminate();
    throw report instanceof Error ? report : new Error(report.message);
  }
  const store = connectStore(port1);
  return {
    store,
    etcdUrl: report.etcdUrl,
    failed,
    close: async () => {
      if (stopping) return exited;
      stopping = true;
      const order: StoreThreadOrder = "stop";
      worker.postMessage(order);
      const timer = setTimeout(() => void worker.terminate(), stopTimeoutMs);
      await exited;
      clearTimeout(timer);
      port1.close();
    },
  };
}

async function firstReport(worker: Worker): Promise<StoreThreadReport> {
  return new Promise((resolve) => worker.once("message", resolve));
}
