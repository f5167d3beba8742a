// A pod network for each node: the first free /24 of the cluster's network.
import type { Node } from "@triarch/api";

/** Size of a node's pod network, in bits of prefix. */
export const nodeMaskBits = 24;

export type PodCidrChoice =
  | { readonly kind: "assign"; readonly podCidr: string }
  | { readonly kind: "done" }
  /** Every network is taken. */
  | { readonly kind: "exhausted" };

/** @param clusterCidr IPv4, for example `10.244.0.0/16` */
export function choosePodCidr(node: Node, nodes: readonly Node[], clusterCidr: string): PodCidrChoice {
  if (node.spec?.podCIDR !== undefined) return { kind: "done" };
  const taken = new Set(nodes.flatMap((one) => (one.spec?.podCIDR === undefined ? [] : [one.spec.podCIDR])));
  const [address = "", bitsText = "16"] = clusterCidr.split("/");
  const base = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const count = 2 ** Math.max(0, nodeMaskBits - Number(bitsText));
  for (let i = 0; i < count; i++) {
    const network = base + i * 2 ** (32 - nodeMaskBits);
    const podCidr = `${[24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256).join(".")}/${nodeMaskBits}`;
    if (!taken.has(podCidr)) return { kind: "assign", podCidr };
  }
  return { kind: "exhausted" };
}
