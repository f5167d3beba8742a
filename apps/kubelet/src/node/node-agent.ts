// Registers the Node, keeps its status fresh and its Lease renewed. The Lease says "alive" (small and often), the status
// says "how".
import { setTimeout as delay } from "node:timers/promises";
import { microTimeText, type Lease, type Node } from "@triarch/api";
import type { Clock } from "@triarch/base";
import { ApiError, resourceRefs, type KubeClient } from "@triarch/client";
import type { Lister } from "@triarch/informer";
import type { ContainerRuntime } from "@triarch/runtime-hollow";
import type { Logger } from "@triarch/telemetry";
import { newNode, nodeLabels, nodeStatus, type MachineFacts, type NodeStatusInput } from "./node-status.ts";

const leaseNamespace = "kube-node-lease";
const retryMs = 1_000;

export interface NodeAgentOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly runtime: ContainerRuntime;
  /** Holds this node only. */
  readonly nodes: Lister<Node>;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly port: number;
  readonly maxPods: number;
  readonly facts: MachineFacts;
  readonly statusPeriodMs: number;
  readonly leasePeriodMs: number;
  readonly leaseDurationSeconds: number;
}

export class NodeAgent {
  readonly #options: NodeAgentOptions;
  #wake: (() => void) | undefined;
  #lastHeartbeatMs: number | undefined;

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }

  get podCidr(): string | undefined {
    return this.#options.nodes.get(this.#options.nodeName)?.spec?.podCIDR;
  }

  /** Monotonic milliseconds of the last status that the API took. */
  get lastHeartbeatMs(): number | undefined {
    return this.#lastHeartbeatMs;
  }

  /** Something that the status shows changed. */
  changed(): void {
    this.#wake?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#keepStatus(signal), this.#keepLease(signal)]);
  }

  async #keepStatus(signal: AbortSignal): Promise<void> {
    const { logger, statusPeriodMs } = this.#options;
    while (!signal.aborted) {
      let waitMs = statusPeriodMs;
      try {
        await this.#putStatus();
        this.#lastHeartbeatMs = this.#options.clock.monotonicMs();
      } catch (error) {
        logger.warn({ error: String(error) }, "node status was not sent, will try again");
        waitMs = retryMs;
      }
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await delay(waitMs, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => undefined);
    }
  }

  async #putStatus(): Promise<void> {
    const { client, nodeName, runtime, facts } = this.#options;
    const version = await runtime.version().catch(() => undefined);
    const present = await this.#find();
    const podCidr = present?.spec?.podCIDR;
    if (podCidr !== undefined) runtime.setPodCidr(podCidr);
    const input: NodeStatusInput = {
      ...this.#options,
      runtimeVersion: version === undefined ? undefined : `${runtime.scheme}://${version}`,
      podCidr,
      nowMs: this.#options.clock.nowMs(),
      previous: present?.status,
    };
    if (present === undefined) {
      await client.create(resourceRefs.nodes, newNode(input));
      this.#options.logger.info({ node: nodeName }, "node registered");
      return;
    }
    const labels = nodeLabels(nodeName, facts);
    const outdated = Object.entries(labels).some(([key, value]) => present.metadata?.labels?.[key] !== value);
    if (outdated) {
      await client.patch(resourceRefs.nodes, { name: nodeName }, { metadata: { labels } }, { type: "merge" });
    }
    await client.patch(
      resourceRefs.nodes,
      { name: nodeName },
      { status: nodeStatus(input) },
      { type: "strategic", subresource: "status" },
    );
  }

  async #find(): Promise<Node | undefined> {
    try {
      return await this.#options.client.get<Node>(resourceRefs.nodes, { name: this.#options.nodeName });
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  async #keepLease(signal: AbortSignal): Promise<void> {
    const { logger, leasePeriodMs } = this.#options;
    let lease: Lease | undefined;
    while (!signal.aborted) {
      try {
        lease = await this.#renewLease(lease);
      } catch (error) {
        // Somebody else wrote it, or it is gone: the next round starts from what is there.
        lease = undefined;
        logger.warn({ error: String(error) }, "node lease was not renewed, will try again");
      }
      await delay(leasePeriodMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #renewLease(known: Lease | undefined): Promise<Lease> {
    const { client, clock, nodeName, leaseDurationSeconds } = this.#options;
    const spec = {
      holderIdentity: nodeName,
      leaseDurationSeconds,
      renewTime: microTimeText(clock.nowMs()),
    };
    if (known !== undefined) return client.update<Lease>(resourceRefs.leases, { ...known, spec });
    const key = { namespace: leaseNamespace, name: nodeName };
    try {
      const present = await client.get<Lease>(resourceRefs.leases, key);
      return await client.update<Lease>(resourceRefs.leases, { ...present, spec });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      const node = await this.#find();
      const owners =
        node?.metadata?.uid === undefined
          ? {}
          : { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid }] };
      const fresh = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { ...key, ...owners }, spec };
      return client.create<Lease>(resourceRefs.leases, fresh);
    }
  }
}
