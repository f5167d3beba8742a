// etcdserverpb.KV/Range: an answer can be a hundred megabytes, so its rows are passed on in the pieces they were read in.
import { concatBytes } from "@triarch/base";
import * as proto from "@triarch/etcd-proto";
import type { EtcdServer } from "@triarch/etcd-server";
import type { EncodedRange } from "@triarch/mvcc";
import type { Method } from "./grpc-server.ts";

export function rangeMethod(server: Pick<EtcdServer, "rangeEncoded">): Method {
  return {
    kind: "unary",
    decode: (bytes) => proto.RangeRequest.decode(bytes),
    fromJson: (json) => proto.RangeRequest.fromJson(json),
    encode: encodeAnswer,
    toJson: (answer: EncodedRange) =>
      proto.RangeResponse.toJson(proto.RangeResponse.decode(concatBytes(encodeAnswer(answer)))),
    call: (request: proto.RangeRequest) => server.rangeEncoded(request),
  };
}

function encodeAnswer({ header, rows, more, count }: EncodedRange): readonly Uint8Array[] {
  return [proto.RangeResponse.encode({ header }), ...rows, proto.RangeResponse.encode({ more, count })];
}
