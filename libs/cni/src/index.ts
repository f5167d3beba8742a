export { planNodeRoutes, removeNodeRoutes, routeProtocol, syncNodeRoutes } from "./node-routes.ts";
export type { NodeRoute, RoutePlan } from "./node-routes.ts";
export { CniError, cniVersion, runCniPlugin } from "./cni-plugin.ts";
export type { CniCall, CniCommand, CniResult } from "./cni-plugin.ts";
export { PodNetwork } from "./pod-network.ts";
export type { PodNetworkOptions, PodNetworkRequest } from "./pod-network.ts";
