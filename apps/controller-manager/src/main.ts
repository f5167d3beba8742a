// kube-controller-manager: several run, one leads.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { seededRng, systemClock } from "@triarch/base";
import { createEventRecorder, kubeClientFromFile } from "@triarch/client";
import { runLeaderElection } from "@triarch/leader-election";
import { createLogger, createRegistry, startHealthServer } from "@triarch/telemetry";
import { controllers } from "./all-controllers.ts";
import { SharedInformers, type ControllerContext } from "./controller.ts";

interface Options {
  readonly kubeconfig: string;
  readonly identity?: string;
  readonly healthPort: string;
  readonly clusterCidr: string;
  readonly rootCaFile?: string;
  readonly nodeMonitorGracePeriod: string;
  readonly logLevel: string;
}

const command = new Command("kube-controller-manager")
  .description("brings the cluster to the state that its objects ask for")
  .requiredOption("--kubeconfig <file>", "how to reach the API")
  .option("--identity <name>", "name in the leader election; a random part is added")
  .option("--health-port <port>", "port of /metrics, /livez and /readyz on 127.0.0.1", "10257")
  .option("--cluster-cidr <cidr>", "network of all pods", "10.244.0.0/16")
  .option("--root-ca-file <file>", "certificate authority that pods may trust")
  .option("--node-monitor-grace-period <seconds>", "a silent node is Unknown after this time", "40")
  .option("--log-level <levels>", "info, or info,component=debug", "info")
  .exitOverride();

async function run(options: Options): Promise<void> {
  const logger = createLogger({ component: "kube-controller-manager", levels: options.logLevel });
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort()).once("SIGINT", () => stop.abort());
  const graceSeconds = Number(options.nodeMonitorGracePeriod);
  if (!(graceSeconds > 0))
    throw new Error(`--node-monitor-grace-period takes seconds above 0, not "${options.nodeMonitorGracePeriod}"`);
  const rootCa = options.rootCaFile === undefined ? undefined : await readFile(options.rootCaFile, "utf8");
  const registry = createRegistry("kube-controller-manager");
  const rng = seededRng(process.pid);
  const clock = systemClock;
  const client = await kubeClientFromFile(options.kubeconfig, { clock, rng, userAgent: "kube-controller-manager" });
  let informers: SharedInformers | undefined;
  const health = await startHealthServer({
    host: "127.0.0.1",
    port: Number(options.healthPort),
    registry,
    readyz: [
      { name: "informer-sync", check: () => (informers?.synced === false ? "informers are not synced" : undefined) },
    ],
  });
  try {
    const outcome = await runLeaderElection(
      {
        client,
        name: "kube-controller-manager",
        identity: `${options.identity ?? "kube-controller-manager"}_${randomUUID()}`,
        clock,
        rng,
        logger,
        lead: async (signal) => {
          const shared = new SharedInformers({ client, clock, rng, logger });
          informers = shared;
          const context: ControllerContext = {
            client,
            informers: shared,
            recorder: (component) => createEventRecorder({ client, component, clock, rng }),
            clock,
            rng,
            logger,
            registry,
            options: { clusterCidr: options.clusterCidr, rootCa, nodeMonitorGracePeriodMs: graceSeconds * 1_000 },
          };
          const running = controllers.map((make) => make(context));
          await shared.start(signal);
          logger.info({ controllers: running.map((one) => one.name) }, "controllers started");
          await Promise.all(running.map((one) => one.run(signal)));
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
    process.stderr.write(`kube-controller-manager: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
