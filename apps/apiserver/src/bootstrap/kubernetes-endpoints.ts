// Keeps the endpoints of the `kubernetes` service equal to the masters that serve: Endpoints and EndpointSlice
// `default/kubernetes`. Every master reconciles; they all write the same content, so races are harmless.
import { type JsonObject, timeText } from "@triarch/api";
import type { Clock } from "@triarch/base";
import type { Logger } from "@triarch/telemetry";
import type { ResourceStore } from "../storage/index.ts";
import { putOwn, resourceOf } from "./bootstrap.ts";
import { type MasterLeases, masterLeaseTtlSeconds } from "./master-leases.ts";

export interface EndpointsOptions {
  readonly store: ResourceStore;
  readonly leases: MasterLeases;
  readonly port: number;
  readonly clock: Clock;
  readonly newUid: () => string;
  readonly logger: Logger;
}

export interface EndpointsReconciler {
  /** Resolves once this master is among the endpoints. */
  start(): Promise<void>;
  /** Takes this master out. */
  stop(): Promise<void>;
}

/** Three renewals fit into the time to live: two may fail. */
const periodMs = (masterLeaseTtlSeconds * 1000) / 3;

export function endpointsReconciler(options: EndpointsOptions): EndpointsReconciler {
  const { leases, logger } = options;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  const reconcile = async (): Promise<void> => {
    await leases.renew();
    await writeEndpoints(options, await leases.list());
  };
  const tick = (): void => {
    running = reconcile()
      .catch((error: unknown) =>
        logger.warn({ error: String(error) }, "endpoints of the kubernetes service not written"),
      )
      .finally(() => {
        if (!stopped) timer = setTimeout(tick, periodMs);
      });
  };
  return {
    start: async () => {
      await reconcile();
      timer = setTimeout(tick, periodMs);
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      try {
        await leases.remove();
        await writeEndpoints(options, await leases.list());
      } catch (error) {
        logger.warn(
          { error: String(error) },
          "this master's address was left in the kubernetes service; its lease will end",
        );
      }
    },
  };
}

/** Writes the endpoints of `addresses` and no others. */
export async function writeEndpoints(
  { store, port, clock, newUid }: Pick<EndpointsOptions, "store" | "port" | "clock" | "newUid">,
  addresses: readonly string[],
): Promise<void> {
  const uid = newUid();
  const meta = { namespace: "default", name: "kubernetes", uid, creationTimestamp: timeText(clock.nowMs()) };
  await putOwn(store, resourceOf("", "v1", "endpoints"), endpointsObject(meta, addresses, port));
  await putOwn(store, resourceOf("discovery.k8s.io", "v1", "endpointslices"), sliceObject(meta, addresses, port));
}

/** The mirroring controller must leave it alone: the slice is written here too. */
function endpointsObject(meta: JsonObject, addresses: readonly string[], port: number): JsonObject {
  const subset = {
    addresses: addresses.map((ip) => ({ ip })),
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
  return {
    kind: "Endpoints",
    apiVersion: "v1",
    metadata: { ...meta, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
    ...(addresses.length === 0 ? {} : { subsets: [subset] }),
  };
}

function sliceObject(meta: JsonObject, addresses: readonly string[], port: number): JsonObject {
  return {
    kind: "EndpointSlice",
    apiVersion: "discovery.k8s.io/v1",
    metadata: { ...meta, labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "https", protocol: "TCP", port }],
  };
}
