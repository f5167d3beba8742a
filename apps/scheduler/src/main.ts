// kube-scheduler: several run, one leads.
import { randomUUID } from "node:crypto";
import { Command, CommanderError } from "commander";
import type { Namespace, Node, Pod, Service } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { createEventRecorder, kubeClientFromFile, resourceRefs } from "@triarch/client";
import { createInformer } from "@triarch/informer";
import { runLeaderElection } from "@triarch/leader-election";
import { createLogger, createRegistry, startHealthServer } from "@triarch/telemetry";
import { Scheduler, schedulerName } from "./scheduler.ts";

interface Options {
  readonly kubeconfig: string;
  readonly identity?: string;
  readonly healthPort: string;
  readonly logLevel: string;
}

const command = new Command("kube-scheduler")
  .description("assigns pods to nodes")
  .requiredOption("--kubeconfig <file>", "how to reach the API")
  .option("--identity <name>", "name in the leader election; a random part is added")
  .option("--health-port <port>", "port of /metrics, /livez and /readyz on 127.0.0.1", "10259")
  .option("--log-level <levels>", "info, or info,component=debug", "info")
  .exitOverride();

async function run(options: Options): Promise<void> {
  const logger = createLogger({ component: "kube-scheduler", levels: options.logLevel });
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort()).once("SIGINT", () => stop.abort());
  const registry = createRegistry("kube-scheduler");
  const rng = seededRng(process.pid);
  const client = await kubeClientFromFile(options.kubeconfig, { clock: systemClock, rng, userAgent: "kube-scheduler" });
  const common = { client, clock: systemClock, rng, logger };
  const pods = createInformer<Pod>({ ...common, ref: resourceRefs.pods });
  const nodes = createInformer<Node>({ ...common, ref: resourceRefs.nodes });
  const services = createInformer<Service>({ ...common, ref: resourceRefs.services });
  const namespaces = createInformer<Namespace>({ ...common, ref: resourceRefs.namespaces });
  const recorder = createEventRecorder({ client, component: schedulerName, clock: systemClock, rng });
  let leading = false;
  const health = await startHealthServer({
    host: "127.0.0.1",
    port: Number(options.healthPort),
    registry,
    readyz: [
      { name: "informer-sync", check: () => (leading && !pods.hasSynced ? "informers are not synced" : undefined) },
    ],
  });
  try {
    const outcome = await runLeaderElection(
      {
        client,
        name: "kube-scheduler",
        identity: `${options.identity ?? "kube-scheduler"}_${randomUUID()}`,
        clock: systemClock,
        rng,
        logger,
        lead: async (signal) => {
          leading = true;
          const scheduler = new Scheduler({
            client,
            pods,
            nodes,
            services,
            namespaces,
            recorder,
            clock: systemClock,
            rng,
            logger,
            registry,
          });
          await Promise.all([
            pods.start(signal),
            nodes.start(signal),
            services.start(signal),
            namespaces.start(signal),
          ]);
          await scheduler.run(signal);
        },
      },
      stop.signal,
    );
    // What a former leader holds in memory may be stale: the next try starts with a clean process.
    if (outcome === "lost") process.exitCode = 1;
  } finally {
    await health.close();
    await client.close();
  }
}

try {
  await run(command.parse().opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`kube-scheduler: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
