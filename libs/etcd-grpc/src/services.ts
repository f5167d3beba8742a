// Which services there are; each has its own file.
import type { EtcdServer } from "@triarch/etcd-server";
import { authService } from "./auth-service.ts";
import { clusterService } from "./cluster-service.ts";
import { electionService } from "./election-service.ts";
import type { Method } from "./grpc-server.ts";
import { healthService } from "./health-service.ts";
import { kvService } from "./kv-service.ts";
import { leaseService } from "./lease-service.ts";
import { withLearnerRules } from "./learner-rules.ts";
import { lockService } from "./lock-service.ts";
import { maintenanceService } from "./maintenance-service.ts";
import { watchService, type WatchServiceOptions } from "./watch-service.ts";

/** Methods by `package.Service/Method`. */
export type Service = Readonly<Record<string, Method>>;

/** All methods by the path of their calls. */
export function etcdServices(
  options: WatchServiceOptions & { readonly server: EtcdServer },
): ReadonlyMap<string, Method> {
  const { server } = options;
  const methods: Service = {
    ...kvService(server),
    ...watchService(options),
    ...leaseService(server),
    ...clusterService(server),
    ...maintenanceService(server),
    ...authService(server),
    ...lockService(server),
    ...electionService(server),
    ...healthService(server),
  };
  const byPath = new Map(Object.entries(methods).map(([name, method]) => [`/${name}`, method]));
  return withLearnerRules(server, byPath);
}
