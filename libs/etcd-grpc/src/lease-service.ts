import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { bidi, unary, type Method } from "./grpc-server.ts";
import type { Service } from "./services.ts";
import { grpcErrorOf } from "./status.ts";

/** Renewals of one stream that are under way; past it nothing is read from the client until half are answered. */
const renewalsMax = 128;

export function leaseService(server: EtcdServer): Service {
  return {
    "etcdserverpb.Lease/LeaseGrant": unary(proto.LeaseGrantRequest, proto.LeaseGrantResponse, (request) =>
      server.leaseGrant(request),
    ),
    "etcdserverpb.Lease/LeaseRevoke": unary(proto.LeaseRevokeRequest, proto.LeaseRevokeResponse, (request) =>
      server.leaseRevoke(request),
    ),
    "etcdserverpb.Lease/LeaseTimeToLive": unary(
      proto.LeaseTimeToLiveRequest,
      proto.LeaseTimeToLiveResponse,
      (request) => server.leaseTimeToLive(request),
    ),
    "etcdserverpb.Lease/LeaseLeases": unary(proto.LeaseLeasesRequest, proto.LeaseLeasesResponse, () =>
      server.leaseLeases(),
    ),
    "etcdserverpb.Lease/LeaseKeepAlive": keepAlive(server),
  };
}

/** Renewals are answered in the order they came; a client that sends faster than it is answered has to wait. */
function keepAlive(server: EtcdServer): Method {
  return bidi(proto.LeaseKeepAliveRequest, proto.LeaseKeepAliveResponse, (out, _context, { end, resume }) => {
    let last: Promise<void> = Promise.resolve();
    let waiting = 0;
    return {
      onMessage(request) {
        waiting += 1;
        const answer = server.leaseKeepAlive(request);
        answer.catch(() => undefined); // looked at in its turn
        last = last.then(async () => {
          try {
            out.send(await answer);
          } catch (error) {
            end(grpcErrorOf(error));
          } finally {
            waiting -= 1;
            if (waiting === renewalsMax / 2) resume();
          }
        });
        return waiting < renewalsMax;
      },
      onHalfClose: () => void last.then(() => end()),
      onClose: () => undefined,
    };
  });
}
