// kubelet: one process per node, inside the node's network namespace (Docker) or anywhere (hollow).
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { seededRng, systemClock } from "@triarch/base";
import { kubeClientFromFile } from "@triarch/client";
import { dockerClient, ensureLocalImage, localImage } from "@triarch/machine";
import { createDockerRuntime } from "@triarch/runtime-docker";
import { createHollowRuntime, type ContainerRuntime } from "@triarch/runtime-hollow";
import { createLogger } from "@triarch/telemetry";
import { runKubelet } from "./kubelet.ts";

interface Options {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly port: string;
  readonly kubeconfig: string;
  readonly dataDir: string;
  readonly runtime: string;
  readonly clusterId: string;
  readonly healthPort: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa: string;
  readonly logLevel: string;
  readonly maxPods: string;
  readonly pauseImage: string;
  readonly cniPluginDir: string;
  readonly clusterDns?: string;
  readonly clusterDomain: string;
  readonly statusPeriod: string;
  readonly leasePeriod: string;
  readonly leaseDuration: string;
}

const command = new Command("kubelet")
  .description("runs the pods of one node")
  .requiredOption("--node-name <name>", "name of the Node object")
  .requiredOption("--node-ip <ip>", "address of this node; the log server listens there")
  .requiredOption("--kubeconfig <file>", "how to reach the API")
  .requiredOption("--data-dir <folder>", "volumes and network state of this node's pods")
  .requiredOption("--cluster-id <id>", "marks this cluster's containers")
  .requiredOption("--tls-cert <file>", "certificate of the log server")
  .requiredOption("--tls-key <file>", "its key")
  .requiredOption("--client-ca <file>", "CA of those who may ask the log server")
  .option("--port <port>", "port of the log server", "10250")
  .option("--runtime <name>", "docker or hollow", "docker")
  .option("--health-port <port>", "port of /metrics, /livez and /readyz on 127.0.0.1", "10248")
  .option("--max-pods <count>", "pods that the node takes", "110")
  .option("--pause-image <image>", "image of pod sandboxes; it needs a `sleep`", localImage)
  .option("--cni-plugin-dir <folder>", "where the CNI plugins are", "/usr/lib/cni")
  .option("--cluster-dns <ip>", "name server of pods; without it they use the node's")
  .option("--cluster-domain <domain>", "domain of Services", "cluster.local")
  .option("--status-period <seconds>", "time between node status heartbeats", "10")
  .option("--lease-period <seconds>", "time between renewals of the node's lease", "2")
  .option("--lease-duration <seconds>", "age at which the lease counts as expired", "8")
  .option("--log-level <levels>", "info, or info,component=debug", "info")
  .exitOverride();

async function run(options: Options): Promise<void> {
  const logger = createLogger({ component: "kubelet", levels: options.logLevel });
  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort()).once("SIGINT", () => stop.abort());
  const [cert, key, clientCa] = await Promise.all(
    [options.tlsCert, options.tlsKey, options.clientCa].map((file) => readFile(file)),
  );
  if (cert === undefined || key === undefined || clientCa === undefined)
    throw new Error("certificate files are missing");
  const rng = seededRng(process.pid);
  const runtime = await makeRuntime(options);
  const client = await kubeClientFromFile(options.kubeconfig, { clock: systemClock, rng, userAgent: "kubelet" });
  try {
    await runKubelet(
      {
        client,
        runtime,
        clock: systemClock,
        rng,
        logger,
        nodeName: options.nodeName,
        nodeIp: options.nodeIp,
        port: Number(options.port),
        healthPort: Number(options.healthPort),
        dataDir: options.dataDir,
        maxPods: Number(options.maxPods),
        tls: { cert, key, clientCa },
        dns: {
          domain: options.clusterDomain,
          ...(options.clusterDns === undefined ? {} : { address: options.clusterDns }),
        },
        statusPeriodMs: Number(options.statusPeriod) * 1000,
        leasePeriodMs: Number(options.leasePeriod) * 1000,
        leaseDurationSeconds: Number(options.leaseDuration),
      },
      stop.signal,
    );
  } finally {
    await client.close();
  }
}

async function makeRuntime(options: Options): Promise<ContainerRuntime> {
  const { nodeName, clusterId } = options;
  if (options.runtime === "hollow") return createHollowRuntime({ clock: systemClock, nodeName });
  if (options.runtime !== "docker") throw new Error(`--runtime ${options.runtime}: docker and hollow are known`);
  const docker = dockerClient();
  if (options.pauseImage === localImage) await ensureLocalImage(docker);
  return createDockerRuntime({
    clusterId,
    nodeName,
    docker,
    stateDir: join(options.dataDir, "cni"),
    cniPluginDir: options.cniPluginDir,
    pause: { image: options.pauseImage },
  });
}

try {
  await run(command.parse().opts<Options>());
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`kubelet: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
// Requests to the runtime that last (a grace period, a pull) don't hold the process.
process.exit();
