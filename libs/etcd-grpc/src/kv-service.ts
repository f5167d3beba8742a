import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import { unary } from "./grpc-server.ts";
import { rangeMethod } from "./range-answer.ts";
import { rangeStream } from "./range-stream.ts";
import type { Service } from "./services.ts";

export function kvService(server: EtcdServer): Service {
  return {
    "etcdserverpb.KV/Range": rangeMethod(server),
    "etcdserverpb.KV/RangeStream": rangeStream(server),
    "etcdserverpb.KV/Put": unary(proto.PutRequest, proto.PutResponse, (request) => server.put(request)),
    "etcdserverpb.KV/DeleteRange": unary(proto.DeleteRangeRequest, proto.DeleteRangeResponse, (request) =>
      server.deleteRange(request),
    ),
    "etcdserverpb.KV/Txn": unary(proto.TxnRequest, proto.TxnResponse, (request) => server.txn(request)),
    "etcdserverpb.KV/Compact": unary(proto.CompactionRequest, proto.CompactionResponse, (request) =>
      server.compact(request),
    ),
  };
}
