/**
 * Checks that need no state: what etcd's front end refuses before a request reaches the log. The store repeats them
 * on apply, so that an entry from elsewhere cannot break it. Source: etcd server/etcdserver/api/v3rpc/key.go.
 */
import { SortOrder, SortTarget } from "@triarch/etcd-proto";
import type { DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest } from "@triarch/etcd-proto";
import { toByteString, type ByteString } from "@triarch/base";
import { MvccError } from "./errors.ts";
import { isInRange, keyRange, type KeyRange } from "./key-range.ts";

/** Operations on the longest path through a transaction's levels. */
export const txnOperationsMax = 128;

export function validateRange(request: RangeRequest): void {
  if (request.key.length === 0) throw new MvccError({ code: "emptyKey" });
  const known = request.sortOrder in sortOrders && request.sortTarget in sortTargets;
  if (!known) throw new MvccError({ code: "invalidSortOption" });
}

export function validatePut(request: PutRequest): void {
  if (request.key.length === 0) throw new MvccError({ code: "emptyKey" });
  if (request.ignoreValue && request.value.length > 0) throw new MvccError({ code: "valueProvided" });
  if (request.ignoreLease && request.lease !== 0n) throw new MvccError({ code: "leaseProvided" });
}

export function validateDeleteRange(request: DeleteRangeRequest): void {
  if (request.key.length === 0) throw new MvccError({ code: "emptyKey" });
}

export function validateTxn(request: TxnRequest): void {
  checkOperations(request, txnOperationsMax);
  checkOverlaps(request.success);
  checkOverlaps(request.failure);
}

/** Whether it holds nothing but reads, so that it needs no log entry. A nested transaction counts as a write. */
export function isReadOnlyTxn(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every((operation) => operation.requestRange !== undefined);
}

/** Of a read-only transaction: may be answered from this member's own state. */
export function isSerializableTxn(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every((operation) => operation.requestRange?.serializable === true);
}

const sortOrders = Object.fromEntries(Object.values(SortOrder).map((value) => [value, true]));
const sortTargets = Object.fromEntries(Object.values(SortTarget).map((value) => [value, true]));

/** A nested transaction gets what the levels above it leave of the budget. */
function checkOperations(request: TxnRequest, operationsMax: number): void {
  const operations = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (operations > operationsMax) throw new MvccError({ code: "tooManyOps", operationsMax: txnOperationsMax });
  for (const { key } of request.compare) if (key.length === 0) throw new MvccError({ code: "emptyKey" });
  for (const operation of request.success) checkOperation(operation, operationsMax - operations);
  for (const operation of request.failure) checkOperation(operation, operationsMax - operations);
}

function checkOperation(operation: RequestOp, operationsMax: number): void {
  if (operation.requestRange !== undefined) validateRange(operation.requestRange);
  else if (operation.requestPut !== undefined) validatePut(operation.requestPut);
  else if (operation.requestDeleteRange !== undefined) validateDeleteRange(operation.requestDeleteRange);
  else if (operation.requestTxn !== undefined) checkOperations(operation.requestTxn, operationsMax);
  else throw new MvccError({ code: "keyNotFound" });
}

/** etcd's check takes the end "\0" at its word, as a key before all others: such a delete overlaps no put. */
function deletedRange({ key, rangeEnd }: DeleteRangeRequest): KeyRange {
  const range = keyRange(key, rangeEnd);
  return range.end === undefined ? { ...range, end: toByteString(rangeEnd) } : range;
}

interface Writes {
  readonly puts: ReadonlySet<ByteString>;
  readonly deletes: readonly KeyRange[];
}

/**
 * No path may put a key twice, or put a key that it also deletes. Then and else of a nested transaction are different
 * paths; deletes may overlap each other.
 */
function checkOverlaps(operations: readonly RequestOp[]): Writes {
  const deletes: KeyRange[] = [];
  for (const { requestDeleteRange } of operations) {
    if (requestDeleteRange !== undefined) deletes.push(deletedRange(requestDeleteRange));
  }
  const puts = new Set<ByteString>();
  const addPut = (key: ByteString, allowed?: ReadonlySet<ByteString>): void => {
    const twice = puts.has(key) && allowed?.has(key) !== true;
    if (twice || deletes.some((range) => isInRange(key, range))) throw new MvccError({ code: "duplicateKey" });
    puts.add(key);
  };
  for (const { requestTxn } of operations) {
    if (requestTxn === undefined) continue;
    const success = checkOverlaps(requestTxn.success);
    const failure = checkOverlaps(requestTxn.failure);
    for (const key of success.puts) addPut(key);
    for (const key of failure.puts) addPut(key, success.puts);
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const { requestPut } of operations) if (requestPut !== undefined) addPut(toByteString(requestPut.key));
  return { puts, deletes };
}
