// The API server over a store: everything between the store's client and the sockets.
//
// Start: storage, caches, bootstrap, sockets, endpoints. Stop: readiness first, then new answers send clients away while
// running requests end, then watches, leadership, sockets; all within a bound.
import { randomBytes, randomUUID } from "node:crypto";
import { decodeStored, findKind, openApiIndex, resources, strategyFor } from "@triarch/api";
import type { Authorizer, StaticToken } from "@triarch/auth";
import { type Clock, type Rng, seededRng, systemClock, systemTimers } from "@triarch/base";
import type { StoreClient } from "@triarch/etcd-server";
import { createSigningKey } from "@triarch/pki";
import type { HealthCheck, Logger, Registry as MetricsRegistry } from "@triarch/telemetry";
import { admissionChain } from "../admission/admission.ts";
import { admissionPlugins } from "../admission/plugins.ts";
import { bootstrap, furnishNamespace } from "../bootstrap/bootstrap.ts";
import { type EndpointsReconciler, endpointsReconciler, writeEndpoints } from "../bootstrap/kubernetes-endpoints.ts";
import { masterLeases } from "../bootstrap/master-leases.ts";
import { publishedAddress } from "../bootstrap/published-address.ts";
import { dumpAnswer } from "../fairness/dump-paths.ts";
import { Fairness } from "../fairness/fairness.ts";
import { type ConfigurationFollower, followConfiguration } from "../fairness/follow-configuration.ts";
import { pathHandler } from "../handlers/paths.ts";
import type { ServerTls } from "../http/app.ts";
import { type HttpServer, startHttpServer } from "../http/http-server.ts";
import type { ListenAddress } from "../http/listeners.ts";
import { requestHandler } from "../http/request-handler.ts";
import { requestMetrics } from "../http/request-metrics.ts";
import { createIdentity } from "../identity/identity.ts";
import { kubeletAccess, type KubeletCredentials } from "../kubelet/kubelet-access.ts";
import { keepOwnStatus, type OwnStatus } from "../own-status/own-status.ts";
import type { Registry } from "../registry/registry.ts";
import { storedResource } from "../registry/stored-version.ts";
import { clusterIps } from "../services/cluster-ips.ts";
import { nodePorts } from "../services/node-ports.ts";
import { serviceAllocator } from "../services/service-allocator.ts";
import { ipv4Text, parseServiceCidr } from "../services/service-cidr.ts";
import { proxyAgent } from "../tunnel/proxy-upstream.ts";
import { openResourceStore, type ResourceStore } from "../storage/index.ts";

export interface ServeApiOptions {
  /** Stays the caller's; `close` hands leadership over but does not close it. */
  readonly store: StoreClient;
  readonly listen: readonly ListenAddress[];
  readonly tls: ServerTls | undefined;
  /**
   * Where other machines reach this master. Undefined or loopback: a master of a cluster is not put into the `kubernetes`
   * service; a server alone is, under an address of its machine.
   */
  readonly advertise: ListenAddress | undefined;
  readonly tokens: readonly StaticToken[];
  /** Signs the tokens of service accounts: the same on all masters. Undefined: a key of this process alone. */
  readonly serviceAccountKeyPem?: string | undefined;
  /** True: no controller manager makes what pods need in a namespace, so the first pod that misses it gets it made. */
  readonly furnishesNamespaces?: boolean | undefined;
  readonly kubeletClient: KubeletCredentials | undefined;
  /** IPv4 network of service addresses, `10.96.0.0/16`. */
  readonly serviceCidr: string;
  /** Seats of all priority levels. Default: 600. */
  readonly seatsTotal?: number | undefined;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  readonly clock?: Clock;
}

export interface ApiServer {
  /** What is listened on, with the ports that were taken. */
  readonly addresses: readonly ListenAddress[];
  /** Graceful and bounded: at most `stopTimeoutMs`. */
  close(): Promise<void>;
}

/** Longest a stop waits for running requests before it cuts them. */
export const stopTimeoutMs = 10_000;
/**
 * Between "not ready" and the first refusal, so that clients that look at `/readyz` (ours do every 500 ms) have moved on.
 * It ends early when nobody is connected.
 */
const drainLingerMs = 1_500;
/** What the start itself reads: their caches are loaded before anything is served. */
const firstResources = ["nodes", "pods", "services", "namespaces", "endpointslices", "leases", "ipaddresses"];

/** @throws Error naming what is wrong: an address in use, a bad service CIDR, a store that does not answer */
export async function serveApi(options: ServeApiOptions): Promise<ApiServer> {
  const server = new RunningApiServer(options);
  await server.start();
  return server;
}

class RunningApiServer implements ApiServer {
  readonly #options: ServeApiOptions;
  readonly #clock: Clock;
  readonly #store: ResourceStore;
  #http: HttpServer | undefined;
  #endpoints: EndpointsReconciler | undefined;
  #ownStatus: OwnStatus | undefined;
  #fairness: Fairness | undefined;
  #flowControl: ConfigurationFollower | undefined;
  #kubelets: ReturnType<typeof kubeletAccess> | undefined;
  readonly #proxyDispatcher = proxyAgent();
  #notReady: string | undefined = "starting";

  constructor(options: ServeApiOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#store = openResourceStore({
      store: options.store,
      clock: this.#clock,
      decodeForeign: decodeStored,
      fieldsOf: (resource, object) => {
        const info = findKind(apiVersionText(resource), resource.kind);
        return info === undefined ? {} : strategyFor(info).fieldsForSelector(object);
      },
      onTrouble: (resource, failure) =>
        options.logger.warn({ resource: resource.resource, failure }, "a resource can't be followed in the store"),
    });
  }

  get addresses(): readonly ListenAddress[] {
    return this.#http?.addresses ?? [];
  }

  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.#release(0);
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { logger, listen, tls, serviceCidr, kubeletClient, tokens, serviceAccountKeyPem } = this.#options;
    const cidr = parseServiceCidr(serviceCidr);
    await this.#store.start(resources.filter((info) => firstResources.includes(info.resource)));
    this.#loadOthers();
    if (kubeletClient !== undefined) this.#kubelets = kubeletAccess(kubeletClient);
    const identity = createIdentity({
      store: this.#store,
      clock: this.#clock,
      tokens,
      signingKeyPem: serviceAccountKeyPem ?? (await createSigningKey()),
    });
    const registry = this.#registry(cidr, identity.authorizer);
    const api = { registry, identity, kubelets: this.#kubelets, proxyDispatcher: this.#proxyDispatcher, logger };
    const fairness = new Fairness({
      ...{ store: this.#store, clock: this.#clock, timers: systemTimers, metrics: this.#options.metrics },
      ...{ seatsTotal: this.#options.seatsTotal, hashSeed: randomBytes(4).readUInt32LE() },
    });
    this.#fairness = fairness;
    this.#http = await startHttpServer({
      addresses: listen,
      tls,
      logger,
      handle: requestHandler({
        api,
        paths: pathHandler({
          serviceAccountTokens: identity.serviceAccountTokens,
          metrics: this.#options.metrics,
          debug: (path, query) => dumpAnswer(fairness.controller, this.#clock, path, query),
          livez: [{ name: "ping", check: () => undefined }],
          readyz: this.#readyChecks(),
          serverAddress: () => addressText(this.#options.advertise ?? this.addresses[0]),
          buildDate: new Date(0).toISOString().replace(".000", ""),
        }),
        fairness,
        metrics: requestMetrics(this.#options.metrics),
        clock: this.#clock,
        logger,
      }),
    });
    const targetPort = this.#options.advertise?.port ?? this.addresses[0]?.port ?? 6443;
    await bootstrap(registry, { serviceCidr, serviceAddress: ipv4Text(cidr.first), targetPort });
    this.#ownStatus = keepOwnStatus(registry, logger);
    this.#flowControl = followConfiguration({ registry, fairness, timers: systemTimers, logger });
    await this.#publish(registry);
    this.#notReady = undefined;
    // Made once here rather than while somebody's first kubectl waits.
    setImmediate(() => void openApiIndex());
    logger.info({ addresses: this.addresses.map(addressText) }, "serving the Kubernetes API");
  }

  /** Every stored kind, so that a master that is ready has all there is: nobody waits for a first load later. */
  #loadOthers(): void {
    const others = resources.filter(({ verbs }) => verbs.includes("watch")).map(storedResource);
    this.#store.start(others).catch(() => undefined); // only the end of this server ends it before it is done
  }

  #registry(cidr: ReturnType<typeof parseServiceCidr>, authorizer: Authorizer): Registry {
    const store = this.#store;
    const clock = this.#clock;
    const rng = newRng();
    const newUid = (): string => randomUUID();
    const { furnishesNamespaces, tls } = this.#options;
    const furnish = async (namespace: string): Promise<void> => furnishNamespace(registry, namespace, tls?.clientCaPem);
    const makeDefault = furnishesNamespaces === true ? furnish : undefined;
    const admission = admissionChain(admissionPlugins({ store, rng, authorizer, makeDefault }));
    const services = serviceAllocator(clusterIps({ store, cidr, clock, rng, newUid }), nodePorts({ store, rng }));
    const registry = { store, clock, rng, newUid, admission, services };
    return registry;
  }

  /** Puts this master among the endpoints of the `kubernetes` service. */
  async #publish(registry: Registry): Promise<void> {
    const { advertise, store, logger } = this.#options;
    if (advertise === undefined || advertise.host.startsWith("127.")) return this.#publishAlone(registry);
    this.#endpoints = endpointsReconciler({
      store: this.#store,
      leases: masterLeases(store, advertise.host),
      port: advertise.port,
      clock: this.#clock,
      newUid: registry.newUid,
      logger,
    });
    await this.#endpoints.start();
  }

  /** Nobody else serves: written once, without a lease. */
  async #publishAlone({ clock, newUid }: Registry): Promise<void> {
    const own = this.addresses[0];
    if (this.#options.furnishesNamespaces !== true || own === undefined) return;
    const address = publishedAddress(own.host);
    await writeEndpoints({ store: this.#store, port: own.port, clock, newUid }, address === undefined ? [] : [address]);
  }

  #readyChecks(): readonly HealthCheck[] {
    return [
      { name: "ping", check: () => undefined },
      { name: "serving", check: () => this.#notReady },
      { name: "watch-caches", check: () => this.#store.problem() },
    ];
  }

  async close(): Promise<void> {
    this.#notReady = "stopping";
    await this.#endpoints?.stop();
    await this.#http?.connectionsEnded(drainLingerMs);
    await this.#release(stopTimeoutMs);
  }

  async #release(withinMs: number): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + withinMs;
    await this.#http?.drain();
    if (withinMs > 0) await Promise.all([this.#handOver(), this.#http?.requestsEnded(withinMs)]);
    await Promise.all([this.#ownStatus?.close(), this.#flowControl?.close()]);
    // Watches end only now: their clients resume elsewhere from where they are.
    await this.#store.close();
    await this.#http?.close(Math.max(0, deadlineMs - this.#clock.monotonicMs()));
    this.#fairness?.close();
    await this.#kubelets?.close();
    await this.#proxyDispatcher.destroy();
  }

  async #handOver(): Promise<void> {
    await this.#options.store.handOverLeadership().catch((error: unknown) => {
      this.#options.logger.warn({ error: String(error) }, "leadership was not handed over");
    });
  }
}

/** For names, not for secrets: the seed only has to differ from master to master. */
function newRng(): Rng {
  return seededRng(randomBytes(4).readUInt32LE());
}

function addressText(address: ListenAddress | undefined): string {
  if (address === undefined) return "";
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function apiVersionText({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? version : `${group}/${version}`;
}
