// Labels tie a Docker container to cluster, node, pod and role. They are the only memory this runtime has.
import type { ContainerConfig, PodIdentity, Sandbox, SandboxConfig } from "@triarch/runtime-hollow";

const prefix = "triarch.dev/";

export const labelNames = {
  cluster: `${prefix}cluster`,
  node: `${prefix}node`,
  podUid: `${prefix}pod-uid`,
  podName: `${prefix}pod-name`,
  podNamespace: `${prefix}pod-namespace`,
  container: `${prefix}container`,
  attempt: `${prefix}attempt`,
  sandbox: `${prefix}sandbox`,
  image: `${prefix}image`,
  /** `sandbox` or `container`. */
  kind: `${prefix}kind`,
} as const;

export interface NodeLabels {
  readonly clusterId: string;
  readonly nodeName: string;
}

export type Labels = Readonly<Record<string, string>>;

function podLabels(node: NodeLabels, pod: PodIdentity): Labels {
  return {
    [labelNames.cluster]: node.clusterId,
    [labelNames.node]: node.nodeName,
    [labelNames.podUid]: pod.uid,
    [labelNames.podName]: pod.name,
    [labelNames.podNamespace]: pod.namespace,
  };
}

export function sandboxLabels(node: NodeLabels, config: SandboxConfig): Labels {
  return {
    ...podLabels(node, config.pod),
    [labelNames.kind]: "sandbox",
    [labelNames.attempt]: String(config.attempt),
  };
}

export function containerLabels(node: NodeLabels, sandbox: Sandbox, config: ContainerConfig): Labels {
  return {
    ...podLabels(node, sandbox.pod),
    [labelNames.kind]: "container",
    [labelNames.container]: config.name,
    [labelNames.attempt]: String(config.attempt),
    [labelNames.sandbox]: sandbox.id,
    [labelNames.image]: config.image,
  };
}

/** Docker's filter for everything that is this node's. */
export function nodeFilter(node: NodeLabels): string[] {
  return [`${labelNames.cluster}=${node.clusterId}`, `${labelNames.node}=${node.nodeName}`];
}

export function podOf(labels: Labels): PodIdentity {
  return {
    uid: labels[labelNames.podUid] ?? "",
    name: labels[labelNames.podName] ?? "",
    namespace: labels[labelNames.podNamespace] ?? "",
  };
}
