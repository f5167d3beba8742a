// A learner has no say and may lag: it serves what needs neither. Source: etcd server/etcdserver/api/v3rpc/interceptor.go.
import type { RangeRequest } from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import type { CallContext, Method, Outgoing } from "./grpc-server.ts";
import { GrpcError, grpcCodes } from "./status.ts";

const rangePath = "/etcdserverpb.KV/Range";
const alwaysServed: ReadonlySet<string> = new Set([
  "/etcdserverpb.Maintenance/Status",
  "/etcdserverpb.Maintenance/Snapshot",
]);

/** The same methods, which on a learner refuse all but Status, Snapshot and serializable ranges. */
export function withLearnerRules(
  server: Pick<EtcdServer, "isLearner">,
  methods: ReadonlyMap<string, Method>,
): ReadonlyMap<string, Method> {
  return new Map([...methods].map(([path, method]) => [path, alwaysServed.has(path) ? method : guarded(path, method)]));

  function guarded(path: string, method: Method): Method {
    const refuse = (request?: unknown): void => {
      if (!server.isLearner()) return;
      if (path === rangePath && (request as RangeRequest).serializable) return;
      throw new GrpcError(grpcCodes.failedPrecondition, "etcdserver: rpc not supported for learner");
    };
    switch (method.kind) {
      case "unary":
        return {
          ...method,
          call: async (request: never, context: CallContext) => {
            refuse(request);
            return method.call(request, context);
          },
        };
      case "serverStream":
        return {
          ...method,
          call: async (request: never, out: Outgoing<never>, context: CallContext) => {
            refuse();
            return method.call(request, out, context);
          },
        };
      case "bidi":
        return {
          ...method,
          open: (out, context, control) => {
            refuse();
            return method.open(out, context, control);
          },
        };
    }
  }
}
