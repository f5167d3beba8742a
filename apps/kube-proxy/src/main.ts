// kube-proxy: one process per network namespace (each worker, and the machine itself with `--host`).
import { Command, CommanderError } from "commander";
import type { EndpointSlice, Node, Service } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { kubeClientFromFile, resourceRefs } from "@triarch/client";
import { removeNodeRoutes } from "@triarch/cni";
import { createInformer, type Informer } from "@triarch/informer";
import { removeRules } from "@triarch/iptables";
import { runCommand } from "@triarch/machine";
import { createLogger, createRegistry, startHealthServer } from "@triarch/telemetry";
import { HealthCheckServers } from "./health-checks.ts";
import { ownsChain } from "./jumps.ts";
import { Proxier } from "./proxier.ts";

interface Options {
  readonly kubeconfig?: string;
  readonly nodeName: string;
  readonly clusterCidr: string;
  readonly healthPort: string;
  readonly nodeRoutes?: boolean;
  readonly host?: boolean;
  readonly cleanup?: boolean;
  readonly logLevel: string;
}

const command = new Command("kube-proxy")
  .description("programs Service addresses into iptables of this network namespace")
  .option("--kubeconfig <file>", "how to reach the API")
  .option("--node-name <name>", "the node that this namespace belongs to", "")
  .option("--cluster-cidr <cidr>", "network of all pods", "10.244.0.0/16")
  .option("--health-port <port>", "port of /metrics, /livez and /readyz on 127.0.0.1", "10249")
  .option("--node-routes", "also keep routes to the pods of other nodes")
  .option("--host", "the machine itself, which is no node")
  .option("--cleanup", "take away all rules and routes, then end")
  .option("--log-level <levels>", "info, or info,component=debug", "info")
  .exitOverride();

async function run(options: Options): Promise<void> {
  const logger = createLogger({ component: "kube-proxy", levels: options.logLevel });
  if (options.cleanup === true) {
    await removeRules(ownsChain);
    await removeNodeRoutes();
    return;
  }
  if (options.kubeconfig === undefined) throw new Error("--kubeconfig is missing");
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort()).once("SIGINT", () => stop.abort());
  const rng = seededRng(process.pid);
  const registry = createRegistry("kube-proxy");
  const client = await kubeClientFromFile(options.kubeconfig, { clock: systemClock, rng, userAgent: "kube-proxy" });
  const common = { client, clock: systemClock, rng, logger };
  const services = createInformer<Service>({ ...common, ref: resourceRefs.services });
  const endpointSlices = createInformer<EndpointSlice>({ ...common, ref: resourceRefs.endpointSlices });
  const nodes = createInformer<Node>({ ...common, ref: resourceRefs.nodes });
  const informers: readonly Pick<Informer<Service>, "hasSynced">[] = [services, endpointSlices, nodes];
  const healthChecks = new HealthCheckServers(logger);
  const proxier = new Proxier({
    services: services.lister,
    endpointSlices: endpointSlices.lister,
    nodes: nodes.lister,
    nodeName: options.host === true ? "" : options.nodeName,
    clusterCidr: options.clusterCidr,
    nodeRoutes: options.nodeRoutes === true,
    healthChecks,
    logger,
    registry,
  });
  services.onChange(() => proxier.changed());
  endpointSlices.onChange(() => proxier.changed());
  nodes.onChange((event) => {
    // Heartbeats of nodes change nothing here.
    if (event.type !== "updated" || nodeFacts(event.object) !== nodeFacts(event.previous)) proxier.changed();
  });
  const health = await startHealthServer({
    host: "127.0.0.1",
    port: Number(options.healthPort),
    registry,
    readyz: [
      {
        name: "informer-sync",
        check: () => (informers.every((one) => one.hasSynced) ? undefined : "informers are not synced"),
      },
      { name: "rules", check: () => (proxier.synced ? undefined : "the rules were never applied") },
    ],
  });
  // Lets DNAT to pods apply to connections to 127.0.0.1; the KUBE-FIREWALL chain keeps others out.
  await runCommand("sysctl", ["-qw", "net.ipv4.conf.all.route_localnet=1"]);
  const started = Promise.all([
    services.start(stop.signal),
    endpointSlices.start(stop.signal),
    nodes.start(stop.signal),
  ]);
  try {
    await started;
    logger.info({ node: options.nodeName }, "informers synced");
    await proxier.run(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    // Rules stay: traffic goes on while this process is away.
    healthChecks.close();
    await health.close();
    await client.close();
  }
}

function nodeFacts(node: Node): string {
  return JSON.stringify([node.metadata?.labels, node.spec?.podCIDR, node.status?.addresses]);
}

try {
  await run(command.parse().opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`kube-proxy: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
