/** Messages of `etcdserverpb.KV`. Source: etcd api/etcdserverpb/rpc.proto. */
import * as f from "./fields.ts";
import { defineMessage, type Init, type MessageType, type Value } from "./message.ts";
import { KeyValue } from "./mvccpb.ts";

export const ResponseHeader = defineMessage("etcdserverpb.ResponseHeader", {
  clusterId: f.id(1),
  memberId: f.id(2),
  revision: f.int64(3),
  raftTerm: f.uint64(4),
});
export type ResponseHeader = Value<typeof ResponseHeader>;
export type ResponseHeaderInit = Init<typeof ResponseHeader>;

export const SortOrder = { none: 0, ascend: 1, descend: 2 } as const;
export const SortTarget = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const;

export const RangeRequest = defineMessage("etcdserverpb.RangeRequest", {
  key: f.bytes(1),
  /** Empty: one key. `"\0"`: every key from `key` on. */
  rangeEnd: f.bytes(2),
  limit: f.int64(3),
  revision: f.int64(4),
  sortOrder: f.enumeration(5, ["NONE", "ASCEND", "DESCEND"]),
  sortTarget: f.enumeration(6, ["KEY", "VERSION", "CREATE", "MOD", "VALUE"]),
  serializable: f.bool(7),
  keysOnly: f.bool(8),
  countOnly: f.bool(9),
  minModRevision: f.int64(10),
  maxModRevision: f.int64(11),
  minCreateRevision: f.int64(12),
  maxCreateRevision: f.int64(13),
});
export type RangeRequest = Value<typeof RangeRequest>;
export type RangeRequestInit = Init<typeof RangeRequest>;

export const RangeResponse = defineMessage("etcdserverpb.RangeResponse", {
  header: f.message(1, () => ResponseHeader),
  kvs: f.repeatedMessage(2, () => KeyValue),
  more: f.bool(3),
  count: f.int64(4),
});
export type RangeResponse = Value<typeof RangeResponse>;

export const RangeStreamResponse = defineMessage("etcdserverpb.RangeStreamResponse", {
  rangeResponse: f.message(1, () => RangeResponse),
});
export type RangeStreamResponse = Value<typeof RangeStreamResponse>;

export const PutRequest = defineMessage("etcdserverpb.PutRequest", {
  key: f.bytes(1),
  value: f.bytes(2),
  lease: f.leaseId(3),
  prevKv: f.bool(4),
  ignoreValue: f.bool(5),
  ignoreLease: f.bool(6),
});
export type PutRequest = Value<typeof PutRequest>;
export type PutRequestInit = Init<typeof PutRequest>;

export const PutResponse = defineMessage("etcdserverpb.PutResponse", {
  header: f.message(1, () => ResponseHeader),
  prevKv: f.message(2, () => KeyValue),
});
export type PutResponse = Value<typeof PutResponse>;

export const DeleteRangeRequest = defineMessage("etcdserverpb.DeleteRangeRequest", {
  key: f.bytes(1),
  rangeEnd: f.bytes(2),
  prevKv: f.bool(3),
});
export type DeleteRangeRequest = Value<typeof DeleteRangeRequest>;
export type DeleteRangeRequestInit = Init<typeof DeleteRangeRequest>;

export const DeleteRangeResponse = defineMessage("etcdserverpb.DeleteRangeResponse", {
  header: f.message(1, () => ResponseHeader),
  deleted: f.int64(2),
  prevKvs: f.repeatedMessage(3, () => KeyValue),
});
export type DeleteRangeResponse = Value<typeof DeleteRangeResponse>;

export const CompareResult = { equal: 0, greater: 1, less: 2, notEqual: 3 } as const;
export const CompareTarget = { version: 0, create: 1, mod: 2, value: 3, lease: 4 } as const;

/** One of the operands is set, the one that `target` names; absent means zero. */
export const Compare = defineMessage("etcdserverpb.Compare", {
  result: f.enumeration(1, ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"]),
  target: f.enumeration(2, ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]),
  key: f.bytes(3),
  version: f.optionalInt64(4),
  createRevision: f.optionalInt64(5),
  modRevision: f.optionalInt64(6),
  value: f.optionalBytes(7),
  lease: f.optionalLeaseId(8),
  rangeEnd: f.bytes(64),
});
export type Compare = Value<typeof Compare>;
export type CompareInit = Init<typeof Compare>;

// RequestOp and TxnRequest contain each other, and so do their responses: their types are spelled out.

/** A oneof: exactly one is set in a valid request. */
export interface RequestOp {
  readonly requestRange: RangeRequest | undefined;
  readonly requestPut: PutRequest | undefined;
  readonly requestDeleteRange: DeleteRangeRequest | undefined;
  readonly requestTxn: TxnRequest | undefined;
}
export interface RequestOpInit {
  readonly requestRange?: RangeRequestInit | undefined;
  readonly requestPut?: PutRequestInit | undefined;
  readonly requestDeleteRange?: DeleteRangeRequestInit | undefined;
  readonly requestTxn?: TxnRequestInit | undefined;
}
export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
export interface TxnRequestInit {
  readonly compare?: readonly CompareInit[] | undefined;
  readonly success?: readonly RequestOpInit[] | undefined;
  readonly failure?: readonly RequestOpInit[] | undefined;
}

export const RequestOp: MessageType<RequestOp, RequestOpInit> = defineMessage("etcdserverpb.RequestOp", {
  requestRange: f.message(1, () => RangeRequest),
  requestPut: f.message(2, () => PutRequest),
  requestDeleteRange: f.message(3, () => DeleteRangeRequest),
  requestTxn: f.message(4, (): MessageType<TxnRequest, TxnRequestInit> => TxnRequest),
});
export const TxnRequest: MessageType<TxnRequest, TxnRequestInit> = defineMessage("etcdserverpb.TxnRequest", {
  compare: f.repeatedMessage(1, () => Compare),
  success: f.repeatedMessage(2, (): MessageType<RequestOp, RequestOpInit> => RequestOp),
  failure: f.repeatedMessage(3, (): MessageType<RequestOp, RequestOpInit> => RequestOp),
});

/** A oneof: exactly one is set. */
export interface ResponseOp {
  readonly responseRange: RangeResponse | undefined;
  readonly responsePut: PutResponse | undefined;
  readonly responseDeleteRange: DeleteRangeResponse | undefined;
  readonly responseTxn: TxnResponse | undefined;
}
export interface ResponseOpInit {
  readonly responseRange?: Init<typeof RangeResponse> | undefined;
  readonly responsePut?: Init<typeof PutResponse> | undefined;
  readonly responseDeleteRange?: Init<typeof DeleteRangeResponse> | undefined;
  readonly responseTxn?: TxnResponseInit | undefined;
}
export interface TxnResponse {
  readonly header: ResponseHeader | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}
export interface TxnResponseInit {
  readonly header?: ResponseHeaderInit | undefined;
  readonly succeeded?: boolean | undefined;
  readonly responses?: readonly ResponseOpInit[] | undefined;
}

export const ResponseOp: MessageType<ResponseOp, ResponseOpInit> = defineMessage("etcdserverpb.ResponseOp", {
  responseRange: f.message(1, () => RangeResponse),
  responsePut: f.message(2, () => PutResponse),
  responseDeleteRange: f.message(3, () => DeleteRangeResponse),
  responseTxn: f.message(4, (): MessageType<TxnResponse, TxnResponseInit> => TxnResponse),
});
export const TxnResponse: MessageType<TxnResponse, TxnResponseInit> = defineMessage("etcdserverpb.TxnResponse", {
  header: f.message(1, () => ResponseHeader),
  succeeded: f.bool(2),
  responses: f.repeatedMessage(3, (): MessageType<ResponseOp, ResponseOpInit> => ResponseOp),
});

export const CompactionRequest = defineMessage("etcdserverpb.CompactionRequest", {
  revision: f.int64(1),
  /** Answer only when the rows are gone from the disk. */
  physical: f.bool(2),
});
export type CompactionRequest = Value<typeof CompactionRequest>;

export const CompactionResponse = defineMessage("etcdserverpb.CompactionResponse", {
  header: f.message(1, () => ResponseHeader),
});
export type CompactionResponse = Value<typeof CompactionResponse>;
