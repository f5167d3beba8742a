// Keeps the kernel's rules equal to what Services and EndpointSlices ask for: coalesces changes, applies the whole plan,
// repairs what others took away at each full interval, tries again with back-off when the kernel refuses.
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { EndpointSlice, Node, Service } from "@triarch/api";
import { syncNodeRoutes } from "@triarch/cni";
import type { Lister } from "@triarch/informer";
import { applyRules } from "@triarch/iptables";
import { planRules, type RulesConfig, type RulesPlan } from "@triarch/service-rules";
import { Counter, Gauge, Histogram, type Logger, type Registry } from "@triarch/telemetry";
import type { HealthCheckServers } from "./health-checks.ts";
import { jumps, ownsChain } from "./jumps.ts";

/** Changes within this time are one sync. */
const minSyncPeriodMs = 50;
/** Without changes, rules and routes are looked at this often. */
const fullSyncPeriodMs = 30_000;
const retryFirstMs = 200;
const retryMaxMs = 10_000;

export interface ProxierOptions {
  readonly services: Lister<Service>;
  readonly endpointSlices: Lister<EndpointSlice>;
  readonly nodes: Lister<Node>;
  readonly nodeName: string;
  readonly clusterCidr: string;
  readonly nodeRoutes: boolean;
  readonly healthChecks: HealthCheckServers;
  readonly logger: Logger;
  readonly registry: Registry;
}

export class Proxier {
  readonly #options: ProxierOptions;
  readonly #durations: Histogram;
  readonly #failures: Counter;
  readonly #rules: Gauge;
  #dirty = true;
  #wake: () => void = () => undefined;
  #synced = false;

  constructor(options: ProxierOptions) {
    this.#options = options;
    const registers = [options.registry];
    this.#durations = new Histogram({
      name: "kubeproxy_sync_proxy_rules_duration_seconds",
      help: "time to bring the kernel's rules up to date",
      buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    });
    this.#failures = new Counter({
      name: "kubeproxy_sync_proxy_rules_failures_total",
      help: "syncs that the kernel or a command refused",
      registers,
    });
    this.#rules = new Gauge({
      name: "kubeproxy_rules",
      help: "rules of the last plan",
      labelNames: ["table"],
      registers,
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** Something changed; a sync follows soon. */
  changed(): void {
    this.#dirty = true;
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    let retryMs = retryFirstMs;
    while (!signal.aborted) {
      this.#dirty = false;
      let waitMs = fullSyncPeriodMs;
      const end = this.#durations.startTimer();
      try {
        await this.#sync();
        this.#synced = true;
        retryMs = retryFirstMs;
      } catch (error) {
        this.#failures.inc();
        this.#options.logger.error(
          { error: error instanceof Error ? error.message : String(error), againInMs: retryMs },
          "sync failed",
        );
        waitMs = retryMs;
        retryMs = Math.min(retryMaxMs, retryMs * 2);
      } finally {
        end();
      }
      await delay(minSyncPeriodMs, undefined, { signal }).catch(() => undefined);
      await this.#waitForChange(waitMs, signal);
    }
  }

  async #sync(): Promise<void> {
    const { services, endpointSlices, nodes, nodeName, logger } = this.#options;
    const plan = planRules(
      { services: services.list(), endpointSlices: endpointSlices.list() },
      this.#config(),
      (bytes) => createHash("sha256").update(bytes).digest(),
    );
    await applyRules({ tables: { nat: plan.nat, filter: plan.filter }, jumps, owns: ownsChain });
    this.#report(plan);
    this.#options.healthChecks.update(plan.healthChecks);
    if (this.#options.nodeRoutes) {
      const routes = await syncNodeRoutes(nodes.list(), nodeName);
      if (routes.replace.length + routes.remove.length > 0) logger.info(routes, "node routes changed");
    }
  }

  #report(plan: RulesPlan): void {
    for (const table of ["nat", "filter"] as const) this.#rules.set({ table }, plan[table].rules.length);
  }

  #config(): RulesConfig {
    const node = this.#options.nodes.get(this.#options.nodeName);
    return {
      family: "IPv4",
      nodeName: this.#options.nodeName,
      zone: node?.metadata?.labels?.["topology.kubernetes.io/zone"],
      nodeIps: (node?.status?.addresses ?? []).filter((one) => one.type === "InternalIP").map((one) => one.address),
      detector: { kind: "cidr", cidr: this.#options.clusterCidr },
      masqueradeAll: false,
      masqueradeBit: 14,
      localhostNodePorts: true,
      nodePortAddresses: [],
      accounting: false,
    };
  }

  async #waitForChange(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#dirty || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, timeoutMs);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
    this.#wake = () => undefined;
  }
}
