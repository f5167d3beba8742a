export { planNodeRoutes, removeNodeRoutes, routeProtocol, syncNodeRoutes } from "./node-routes.ts";
export type { NodeRoute, RoutePlan } from "./node-routes.ts";
