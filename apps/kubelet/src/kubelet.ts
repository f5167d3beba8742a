// The parts of a kubelet and the order in which they start and stop.
import { mkdir } from "node:fs/promises";
import type { Node, Pod, Service } from "@triarch/api";
import type { Clock, Rng } from "@triarch/base";
import { createEventRecorder, resourceRefs, type KubeClient } from "@triarch/client";
import { createInformer } from "@triarch/informer";
import type { ContainerRuntime } from "@triarch/runtime-hollow";
import { createRegistry, Gauge, startHealthServer, type Logger } from "@triarch/telemetry";
import { apiConfigSource } from "./containers/config-source.ts";
import { NodeAgent } from "./node/node-agent.ts";
import { machineFacts } from "./node/node-status.ts";
import { PodManager } from "./pods/pod-manager.ts";
import { StatusReporter } from "./pods/status-reporter.ts";
import { startKubeletServer } from "./server/kubelet-server.ts";
import { PodFiles, type ClusterDns } from "./volumes/pod-files.ts";

export interface KubeletOptions {
  readonly client: KubeClient;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly port: number;
  readonly healthPort: number;
  readonly dataDir: string;
  readonly maxPods: number;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer; readonly clientCa: Buffer };
  readonly dns: ClusterDns;
  readonly statusPeriodMs: number;
  readonly leasePeriodMs: number;
  readonly leaseDurationSeconds: number;
}

/** A status that the API took this long ago or more makes /readyz fail. */
const heartbeatOldMs = 40_000;

/** Runs until the signal aborts. Containers run on: the next kubelet of this node takes them over. */
export async function runKubelet(options: KubeletOptions, signal: AbortSignal): Promise<void> {
  const { client, runtime, clock, rng, logger, nodeName, nodeIp } = options;
  await mkdir(options.dataDir, { recursive: true });
  const facts = await machineFacts(options.dataDir);
  const node = {
    nodeName,
    hostIp: nodeIp,
    allocatable: { cpuMillis: facts.cpuMillis, memoryBytes: facts.memoryBytes },
  };
  const common = { client, clock, rng, logger };
  const fieldSelector = `spec.nodeName=${nodeName}`;
  const pods = createInformer<Pod>({ ...common, ref: resourceRefs.pods, select: { fieldSelector } });
  const services = createInformer<Service>({ ...common, ref: resourceRefs.services });
  const ownNode = { fieldSelector: `metadata.name=${nodeName}` };
  const nodes = createInformer<Node>({ ...common, ref: resourceRefs.nodes, select: ownNode });
  const source = apiConfigSource(client);
  const files = new PodFiles({ dataDir: options.dataDir, source, node, dns: options.dns });
  const reporter = new StatusReporter({ client, logger });
  const recorder = createEventRecorder({ client, component: "kubelet", host: nodeName, clock, rng });
  const context = {
    runtime,
    files: runtime.scheme === "hollow" ? undefined : files,
    source,
    services: services.lister,
    node,
    recorder,
    clock,
  };
  const manager = new PodManager({ context, pods, reporter, logger });
  const agent = new NodeAgent({ ...options, nodes: nodes.lister, facts });
  const podCidr = Promise.withResolvers<string>();
  nodes.onChange((event) => {
    const cidr = event.type === "deleted" ? undefined : event.object.spec?.podCIDR;
    if (cidr === undefined) return;
    runtime.setPodCidr(cidr);
    if (event.type !== "updated" || event.previous.spec?.podCIDR !== cidr) agent.changed();
    podCidr.resolve(cidr);
  });

  const registry = createRegistry("kubelet");
  new Gauge({
    name: "kubelet_pods",
    help: "pods this kubelet cares for",
    registers: [registry],
    collect() {
      this.set(manager.podCount);
    },
  });
  const health = await startHealthServer({
    host: "127.0.0.1",
    port: options.healthPort,
    registry,
    readyz: [
      { name: "informer-sync", check: () => (pods.hasSynced ? undefined : "informers are not synced") },
      { name: "pod-cidr", check: () => (agent.podCidr === undefined ? "the node has no podCIDR yet" : undefined) },
      {
        name: "heartbeat",
        check: () => {
          const at = agent.lastHeartbeatMs;
          return at !== undefined && clock.monotonicMs() - at < heartbeatOldMs ? undefined : "no fresh node status";
        },
      },
    ],
  });
  const server = await startKubeletServer({
    ...options.tls,
    host: nodeIp,
    port: options.port,
    pods: pods.lister,
    runtime,
    logger,
  }).catch(async (error: unknown) => {
    await health.close();
    throw error;
  });
  try {
    const agentDone = agent.run(signal);
    const reporterDone = reporter.run(signal);
    await unlessAborted(signal, Promise.all([pods, services, nodes].map((one) => one.start(signal))));
    const cidr = await unlessAborted(signal, podCidr.promise);
    if (cidr !== undefined) {
      logger.info({ node: nodeName, podCidr: cidr, runtime: runtime.scheme }, "kubelet runs pods");
      await manager.run(signal);
    }
    await Promise.all([agentDone, reporterDone]);
  } finally {
    await server.close();
    await health.close();
    await runtime.close();
  }
}

/** Undefined when the signal came first; failures that it caused are no failures. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  const aborted = Promise.withResolvers<undefined>();
  const onAbort = (): void => aborted.resolve(undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } catch (error) {
    if (!signal.aborted) throw error;
    return undefined;
  } finally {
    signal.removeEventListener("abort", onAbort);
    work.catch(() => undefined);
  }
}
