// Routes between nodes: each node's pod network lies behind the node's own address. A pure plan and its execution with
// `ip route`, in the current network namespace.
import type { Node } from "@triarch/api";
import { runCommand } from "@triarch/machine";

/** Marks our routes in the kernel's table, so that only they are ever removed. */
export const routeProtocol = 98;

export interface NodeRoute {
  readonly podCidr: string;
  readonly via: string;
}

export interface RoutePlan {
  readonly replace: readonly NodeRoute[];
  readonly remove: readonly NodeRoute[];
}

/** Wanted routes: to every node but our own that has a pod network and an internal address. */
export function planNodeRoutes(nodes: readonly Node[], ownName: string, present: readonly NodeRoute[]): RoutePlan {
  const wanted = new Map<string, NodeRoute>();
  for (const node of nodes) {
    const podCidr = node.spec?.podCIDR;
    const via = node.status?.addresses?.find((one) => one.type === "InternalIP")?.address;
    if (podCidr === undefined || via === undefined || node.metadata?.name === ownName) continue;
    wanted.set(podCidr, { podCidr, via });
  }
  const has = (route: NodeRoute): boolean =>
    present.some((one) => one.podCidr === route.podCidr && one.via === route.via);
  return {
    replace: [...wanted.values()].filter((route) => !has(route)),
    remove: present.filter((route) => !wanted.has(route.podCidr)),
  };
}

/** @throws CommandError of the `ip` command that failed */
export async function syncNodeRoutes(nodes: readonly Node[], ownName: string): Promise<RoutePlan> {
  const plan = planNodeRoutes(nodes, ownName, await presentRoutes());
  for (const { podCidr } of plan.remove)
    await runCommand("ip", ["route", "del", podCidr, "proto", String(routeProtocol)]);
  for (const { podCidr, via } of plan.replace) {
    await runCommand("ip", ["route", "replace", podCidr, "via", via, "proto", String(routeProtocol)]);
  }
  return plan;
}

/** Takes all our routes away. */
export async function removeNodeRoutes(): Promise<void> {
  for (const { podCidr } of await presentRoutes()) {
    await runCommand("ip", ["route", "del", podCidr, "proto", String(routeProtocol)]);
  }
}

async function presentRoutes(): Promise<readonly NodeRoute[]> {
  const text = await runCommand("ip", ["-4", "route", "show", "proto", String(routeProtocol)]);
  return [...text.matchAll(/^(\S+) via (\S+)/gm)].map((match) => ({ podCidr: match[1] ?? "", via: match[2] ?? "" }));
}
