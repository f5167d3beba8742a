import { emptyBytes } from "@triarch/base";
import {
  AlarmAction,
  AlarmType,
  type AlarmRequest,
  type CompactionRequest,
  type InternalRaftRequest,
  type LeaseCheckpoint,
  type LeaseGrantRequest,
  type RequestOp,
  type TxnRequest,
  type Value,
  type ClusterMemberAttrSetRequest,
} from "@triarch/etcd-proto";
import type { Lessor } from "@triarch/lease";
import { encodeRevisionKey, slicedMap, type Applied, type MvccStore, type Row, type WriteSteps } from "@triarch/mvcc";
import type { BucketRow } from "@triarch/store-level";
import type { ReplicatedAuth } from "../auth/replicated-auth.ts";
import { memberRow, type Membership } from "../members/membership.ts";
import { alarmKey, type Alarms } from "./alarms.ts";
import { EtcdServerError } from "./errors.ts";
import { metaKeys } from "./meta-keys.ts";

/** Everything the log determines. */
export interface ReplicatedState {
  readonly mvcc: MvccStore;
  readonly lessor: Lessor;
  readonly alarms: Alarms;
  readonly membership: Membership;
  readonly auth: ReplicatedAuth;
}

export interface ApplyResult {
  /** What the request answers; its header holds the revision only. */
  readonly answer: unknown;
  /** To be made durable, in this order. */
  readonly rows: readonly BucketRow[];
}

/** A request that may concern any number of keys, in slices. Until the last, readers see the state from before it. */
export type ApplySteps = Generator<undefined, ApplyResult, undefined>;

/**
 * Applies one request from the log. Deterministic: the request and the state decide, nothing else, so every member
 * gets the same rows. A refusal is an error and changes nothing.
 *
 * @param index of its entry in the log
 * @returns steps, for one that may be long: they have to be run to their end before the next request is applied
 * @throws MvccError | LeaseError | AuthError | EtcdServerError what the proposer is told; also from the first step
 */
export function applyRequest(
  state: ReplicatedState,
  request: InternalRaftRequest,
  index: number,
): ApplyResult | ApplySteps {
  const { mvcc, alarms, auth } = state;
  if (alarms.hasCorruptCluster && request.alarm === undefined) throw new EtcdServerError({ code: "corrupt" });
  if (alarms.has(AlarmType.noSpace) && takesSpace(request)) throw new EtcdServerError({ code: "noSpace" });
  auth.authorize(request);
  if (request.put !== undefined) return ofMvcc(mvcc.put(request.put));
  if (request.txn !== undefined) {
    return hasRange(request.txn) ? ofSteps(mvcc.txnSteps(request.txn)) : ofMvcc(mvcc.txn(request.txn));
  }
  if (request.deleteRange !== undefined) return ofSteps(mvcc.deleteRangeSteps(request.deleteRange));
  if (request.compaction !== undefined) return applyCompaction(state, request.compaction);
  if (request.leaseGrant !== undefined) return applyLeaseGrant(state, request.leaseGrant);
  if (request.leaseRevoke !== undefined) return applyLeaseRevoke(state, request.leaseRevoke.id);
  if (request.leaseCheckpoint !== undefined) return applyLeaseCheckpoint(state, request.leaseCheckpoint.checkpoints);
  if (request.alarm !== undefined) return applyAlarm(state, request.alarm);
  if (request.clusterMemberAttrSet !== undefined) return applyMemberAttributes(state, request.clusterMemberAttrSet);
  const applied = auth.apply(request, index);
  if (applied !== undefined) return { answer: applied, rows: applied.rows };
  throw new EtcdServerError({ code: "notSupported", what: "this kind of request" });
}

function ofMvcc({ response, rows }: Applied<unknown>): ApplyResult {
  return { answer: response, rows: rows.map(toBucketRow) };
}

function* ofSteps(steps: WriteSteps<unknown>): ApplySteps {
  const { response, rows } = yield* steps;
  return { answer: response, rows: yield* slicedMap(rows, toBucketRow) };
}

function toBucketRow({ key, value }: Row): BucketRow {
  return { bucket: "key", key, value };
}

function hasRange({ success, failure }: TxnRequest): boolean {
  const covers = ({ requestRange, requestDeleteRange, requestTxn }: RequestOp): boolean =>
    ((requestRange ?? requestDeleteRange)?.rangeEnd.length ?? 0) > 0 ||
    (requestTxn !== undefined && hasRange(requestTxn));
  return success.some(covers) || failure.some(covers);
}

/** Readers are cut off at once; the rows go later, step by step. */
function applyCompaction({ mvcc }: ReplicatedState, request: CompactionRequest): ApplyResult {
  mvcc.compact(request.revision);
  const value = encodeRevisionKey(request.revision, 0);
  const rows: BucketRow[] = [{ bucket: "meta", key: metaKeys.scheduledCompactRevision, value }];
  return { answer: { revision: mvcc.revision }, rows };
}

function applyLeaseGrant({ mvcc, lessor }: ReplicatedState, request: LeaseGrantRequest): ApplyResult {
  const { ttlSeconds, row } = lessor.grant({ id: request.id, ttlSeconds: request.ttl });
  return { answer: { revision: mvcc.revision, id: request.id, ttl: ttlSeconds }, rows: [{ bucket: "lease", ...row }] };
}

/** The lease goes together with its keys. */
function* applyLeaseRevoke({ mvcc, lessor }: ReplicatedState, leaseId: bigint): ApplySteps {
  const { answer, rows } = yield* ofSteps(mvcc.deleteKeysSteps(lessor.keysOf(leaseId)));
  const { rowKey } = lessor.revoke(leaseId);
  return { answer, rows: [...rows, { bucket: "lease", key: rowKey, value: undefined }] };
}

function applyLeaseCheckpoint({ mvcc, lessor }: ReplicatedState, checkpoints: readonly LeaseCheckpoint[]): ApplyResult {
  const rows: BucketRow[] = [];
  for (const { id, remainingTtl } of checkpoints) {
    const row = lessor.checkpoint(id, remainingTtl);
    if (row !== undefined) rows.push({ bucket: "lease", ...row });
  }
  return { answer: { revision: mvcc.revision }, rows };
}

function applyAlarm({ mvcc, alarms }: ReplicatedState, request: AlarmRequest): ApplyResult {
  const alarm = { memberId: request.memberId, alarm: request.alarm };
  const rows: BucketRow[] = [];
  if (request.action === AlarmAction.activate && alarms.raise(alarm)) {
    rows.push({ bucket: "alarm", key: alarmKey(alarm), value: emptyBytes });
  } else if (request.action === AlarmAction.deactivate && alarms.clear(alarm)) {
    rows.push({ bucket: "alarm", key: alarmKey(alarm), value: undefined });
  }
  return { answer: { revision: mvcc.revision, alarms: rows.length > 0 ? [alarm] : [] }, rows };
}

function applyMemberAttributes({ mvcc, membership }: ReplicatedState, request: MemberAttributesRequest): ApplyResult {
  const attributes = {
    name: request.memberAttributes?.name ?? "",
    clientUrls: request.memberAttributes?.clientUrls ?? [],
  };
  const member = membership.setAttributes(request.memberId, attributes);
  const rows: BucketRow[] = member === undefined ? [] : [{ bucket: "members", ...memberRow(member) }];
  return { answer: { revision: mvcc.revision }, rows };
}

type MemberAttributesRequest = Value<typeof ClusterMemberAttrSetRequest>;

/** Deletes, compactions, revokes and reads go on while there is no space: they are how space comes back. */
function takesSpace(request: InternalRaftRequest): boolean {
  if (request.put !== undefined || request.leaseGrant !== undefined) return true;
  return request.txn !== undefined && txnPuts(request.txn);
}

function txnPuts({ success, failure }: TxnRequest): boolean {
  const puts = ({ requestPut, requestTxn }: RequestOp): boolean =>
    requestPut !== undefined || (requestTxn !== undefined && txnPuts(requestTxn));
  return success.some(puts) || failure.some(puts);
}
