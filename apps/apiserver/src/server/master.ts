// One master: the store thread and the API server over it, started and stopped in the right order.
import type { StaticToken } from "@triarch/auth";
import { createLogger, createRegistry } from "@triarch/telemetry";
import type { ServerTls } from "../http/app.ts";
import type { ListenAddress } from "../http/listeners.ts";
import type { KubeletCredentials } from "../kubelet/kubelet-access.ts";
import { serveApi } from "./api-server.ts";
import { startStoreWorker, type StoreThreadOptions } from "./store-worker.ts";

export interface MasterOptions extends StoreThreadOptions {
  readonly listen: readonly ListenAddress[];
  /** Undefined: plain HTTP, which is refused on anything but loopback. */
  readonly tls: ServerTls | undefined;
  /** Where other machines reach this master; undefined: it is not put into the `kubernetes` service. */
  readonly advertise: ListenAddress | undefined;
  readonly tokens: readonly StaticToken[];
  readonly serviceAccountKeyPem?: string | undefined;
  readonly furnishesNamespaces?: boolean | undefined;
  readonly kubeletClient: KubeletCredentials | undefined;
  readonly serviceCidr: string;
  /** Seats of all priority levels. Default: 600. */
  readonly seatsTotal?: number | undefined;
}

export interface RunningMaster {
  readonly addresses: readonly ListenAddress[];
  readonly etcdUrl: string | undefined;
  /** Resolves with what was wrong when the master can't go on; it has to be ended then. */
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

/** Longest a start waits for the cluster to have a leader and answer; other masters may still be on their way. */
const leaderWaitMs = 60_000;
const leaderRetryMs = 100;

/** @throws Error | UsageError in one clear line: port, data directory, certificates, no quorum */
export async function startApiServer(options: MasterOptions, signal?: AbortSignal): Promise<RunningMaster> {
  checkPlainHttp(options);
  const logger = createLogger({ component: "apiserver", levels: options.logLevels }).child({ master: options.name });
  const worker = await startStoreWorker(options);
  try {
    const waited = new AbortController();
    const failed = worker.failed.then((error) => {
      waited.abort();
      throw error;
    });
    const stopWaiting = AbortSignal.any(signal === undefined ? [waited.signal] : [signal, waited.signal]);
    await Promise.race([waitForLeader(() => worker.store.readBarrier(), stopWaiting), failed]);
    const { listen, tls, advertise, tokens, kubeletClient, serviceCidr } = options;
    const { serviceAccountKeyPem, furnishesNamespaces, seatsTotal } = options;
    if (serviceAccountKeyPem === undefined) {
      const missing = { setting: "serviceAccounts.keyFile" };
      logger.warn(missing, "without a key in common, tokens of service accounts are good at this master alone");
    }
    const serving = serveApi({
      ...{ listen, tls, advertise, tokens, kubeletClient, serviceCidr, logger },
      ...{ serviceAccountKeyPem, furnishesNamespaces, seatsTotal },
      store: worker.store,
      metrics: createRegistry("apiserver"),
    });
    const server = await Promise.race([serving, failed]);
    return {
      addresses: server.addresses,
      etcdUrl: worker.etcdUrl,
      failed: worker.failed,
      close: async () => {
        await server.close();
        await worker.close();
      },
    };
  } catch (error) {
    await worker.close();
    throw error;
  }
}

/** @throws Error when no leader was there in time, or the start was called off */
async function waitForLeader(ask: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  const endMs = performance.now() + leaderWaitMs;
  for (;;) {
    if (signal.aborted) throw new Error("the start was called off");
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > endMs) {
        const why = `no leader within ${leaderWaitMs / 1000} s: start a majority of the masters, and check that they reach each other`;
        throw new Error(why, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, leaderRetryMs));
  }
}

function checkPlainHttp({ tls, listen }: MasterOptions): void {
  if (tls !== undefined) return;
  const open = listen.find(({ host }) => !host.startsWith("127.") && host !== "localhost" && host !== "::1");
  if (open !== undefined) {
    throw new Error(
      `plain HTTP on ${open.host}:${open.port} would be open to the network; use TLS or a loopback address`,
    );
  }
}
