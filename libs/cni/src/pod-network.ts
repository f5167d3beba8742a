// The network of a node's pods: CNI's loopback, then the chain bridge (with host-local addresses out of the node's pod
// CIDR) and portmap. Plugins run in the current network namespace, which is the node's; the pod's own is given by path.
// Results are kept in a folder, so that a kubelet that starts again still knows the addresses of pods that run.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCniPlugin, cniVersion, type CniCommand, type CniResult } from "./cni-plugin.ts";

export interface PodNetworkOptions {
  /** Default `/usr/lib/cni`. */
  readonly pluginDir?: string;
  /** Holds address reservations and results; one per node. */
  readonly stateDir: string;
  /** Default `cni0`. */
  readonly bridgeName?: string;
}

export interface PodNetworkRequest {
  readonly containerId: string;
  readonly netns: string;
  readonly podNamespace: string;
  readonly podName: string;
  readonly portMappings: readonly {
    readonly hostPort: number;
    readonly containerPort: number;
    readonly protocol: string;
    readonly hostIp?: string;
  }[];
}

/** What is kept per container, enough to take it down again. */
interface KeptNetwork {
  readonly podCidr: string;
  readonly request: PodNetworkRequest;
  readonly result?: CniResult;
}

const interfaceName = "eth0";

export class PodNetwork {
  readonly #pluginDir: string;
  readonly #stateDir: string;
  readonly #bridgeName: string;

  constructor(options: PodNetworkOptions) {
    this.#pluginDir = options.pluginDir ?? "/usr/lib/cni";
    this.#stateDir = options.stateDir;
    this.#bridgeName = options.bridgeName ?? "cni0";
  }

  /**
   * Sets the network up; what a failed call left is taken down before it rejects.
   * @returns the pod's IPv4 address
   * @throws CniError
   */
  async add(podCidr: string, request: PodNetworkRequest): Promise<string> {
    // Kept before anything is made: a crash in between still leaves what DEL needs.
    await this.#keep({ podCidr, request });
    try {
      await this.#run(loopback, "ADD", request, undefined);
      let result: CniResult | undefined;
      for (const config of this.#chain(podCidr, request)) result = await this.#run(config, "ADD", request, result);
      const address = addressOf(result);
      if (address === undefined) throw new Error(`CNI gave pod ${request.podName} no IPv4 address`);
      await this.#keep({ podCidr, request, ...(result === undefined ? {} : { result }) });
      return address;
    } catch (error) {
      await this.remove(request.containerId).catch(() => undefined);
      throw error;
    }
  }

  /** The address given to a container earlier; undefined when none is known. */
  async address(containerId: string): Promise<string | undefined> {
    return addressOf((await this.#kept(containerId))?.result);
  }

  /** @throws CniError when the network is not (or no longer) as `add` made it */
  async check(containerId: string): Promise<void> {
    const kept = await this.#kept(containerId);
    if (kept?.result === undefined) throw new Error(`no network is known for container ${containerId}`);
    for (const config of this.#chain(kept.podCidr, kept.request)) {
      await this.#run(config, "CHECK", kept.request, kept.result);
    }
  }

  /** Takes the network down and frees the address; a container that is not known is no error. */
  async remove(containerId: string): Promise<void> {
    const kept = await this.#kept(containerId);
    if (kept === undefined) return;
    for (const config of [...this.#chain(kept.podCidr, kept.request)].reverse()) {
      try {
        await this.#run(config, "DEL", kept.request, kept.result);
      } catch (error) {
        // What never was complete may be beyond DEL as it was beyond ADD (a bad network, a missing plugin).
        if (kept.result !== undefined) throw error;
      }
    }
    await rm(this.#file(containerId), { force: true });
  }

  #chain(podCidr: string, request: PodNetworkRequest): readonly { readonly type: string }[] {
    const bridge = {
      type: "bridge",
      bridge: this.#bridgeName,
      isDefaultGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: { type: "host-local", ranges: [[{ subnet: podCidr }]], dataDir: join(this.#stateDir, "addresses") },
    };
    if (request.portMappings.length === 0) return [bridge];
    const portMappings = request.portMappings.map(({ hostIp, ...mapping }) => ({
      ...mapping,
      ...(hostIp === undefined ? {} : { hostIP: hostIp }),
    }));
    return [bridge, { type: "portmap", snat: true, runtimeConfig: { portMappings } } as { type: string }];
  }

  #run(
    config: { readonly type: string },
    command: CniCommand,
    request: PodNetworkRequest,
    prevResult: CniResult | undefined,
  ): Promise<CniResult | undefined> {
    const call = {
      command,
      containerId: request.containerId,
      netns: request.netns,
      interfaceName: config.type === "loopback" ? "lo" : interfaceName,
      args: {
        K8S_POD_NAMESPACE: request.podNamespace,
        K8S_POD_NAME: request.podName,
        K8S_POD_INFRA_CONTAINER_ID: request.containerId,
      },
    };
    const named = { cniVersion, name: "triarch", ...config, ...(prevResult === undefined ? {} : { prevResult }) };
    return runCniPlugin(this.#pluginDir, named, call);
  }

  #file(containerId: string): string {
    return join(this.#stateDir, "results", `${containerId}.json`);
  }

  async #keep(network: KeptNetwork): Promise<void> {
    const file = this.#file(network.request.containerId);
    await mkdir(join(this.#stateDir, "results"), { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(network));
    await rename(`${file}.new`, file);
  }

  async #kept(containerId: string): Promise<KeptNetwork | undefined> {
    try {
      return JSON.parse(await readFile(this.#file(containerId), "utf8")) as KeptNetwork;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

const loopback = { type: "loopback" };

function addressOf(result: CniResult | undefined): string | undefined {
  return result?.ips?.map((one) => one.address.split("/")[0]).find((address) => address?.includes(".") === true);
}
