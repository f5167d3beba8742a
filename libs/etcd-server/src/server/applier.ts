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
import { encodeRevisionKey, type Applied, type MvccStore } from "@triarch/mvcc";
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

/**
 * Applies one request from the log. Deterministic: the request and the state decide, nothing else, so every member
 * gets the same rows. A refusal is an error and changes nothing.
 *
 * @param index of its entry in the log
 * @throws MvccError | LeaseError | AuthError | EtcdServerError what the proposer is told
 */
export function applyRequest(state: ReplicatedState, request: InternalRaftRequest, index: number): ApplyResult {
  const { mvcc, alarms, auth } = state;
  if (alarms.hasCorruptCluster && request.alarm === undefined) throw new EtcdServerError({ code: "corrupt" });
  if (alarms.has(AlarmType.noSpace) && takesSpace(request)) throw new EtcdServerError({ code: "noSpace" });
  auth.authorize(request);
  if (request.put !== undefined) return ofMvcc(mvcc.put(request.put));
  if (request.txn !== undefined) return ofMvcc(mvcc.txn(request.txn));
  if (request.deleteRange !== undefined) return ofMvcc(mvcc.deleteRange(request.deleteRange));
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
  return { answer: response, rows: rows.map(({ key, value }) => ({ bucket: "key", key, value })) };
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

function applyLeaseRevoke({ mvcc, lessor }: ReplicatedState, leaseId: bigint): ApplyResult {
  const { keys, rowKey } = lessor.revoke(leaseId);
  const deleted = ofMvcc(mvcc.deleteKeys(keys));
  const rows: BucketRow[] = [...deleted.rows, { bucket: "lease", key: rowKey, value: undefined }];
  return { answer: deleted.answer, rows };
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
