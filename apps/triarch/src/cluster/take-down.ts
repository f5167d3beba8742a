import { dockerClient, dockerVersion, tryCommand } from "@triarch/machine";
import { tearDownNetwork } from "../network/host-network.ts";
import { programCommand } from "./processes.ts";
import type { ClusterSpec } from "./cluster-spec.ts";

/** Label on every container that a cluster's kubelets make. */
const clusterLabel = "triarch.dev/cluster";

/** Takes away what processes leave on the machine by design: containers, iptables rules, namespaces, the bridge. */
export async function takeDown(spec: ClusterSpec): Promise<void> {
  if (spec.runtime !== "docker") return;
  const docker = dockerClient();
  if ((await dockerVersion(docker)) !== undefined) {
    const containers = await docker.listContainers({
      all: true,
      filters: { label: [`${clusterLabel}=${spec.clusterId}`] },
    });
    await Promise.all(
      containers.map((one) =>
        docker
          .getContainer(one.Id)
          .remove({ force: true, v: true })
          .catch(() => undefined),
      ),
    );
  }
  const [file, ...args] = programCommand("kube-proxy");
  await tryCommand(file, [...args, "--cleanup"], { timeoutMs: 30_000 });
  await tearDownNetwork(spec);
}
