/**
 * Txn: conditions first, of nested transactions too; then every check that could fail; then the operations of the
 * chosen branches, which cannot fail any more. Source: etcd server/etcdserver/txn/txn.go.
 */
import type { RangeRequest, RequestOp, ResponseOp, TxnRequest, TxnResponse } from "@triarch/etcd-proto";
import { holds } from "./compare.ts";
import { MvccError } from "./errors.ts";
import { headerAt, rangeSteps } from "./range.ts";
import type { ReadView } from "./read-view.ts";
import type { WriteTxn } from "./write-txn.ts";

/** The branch a transaction takes, with the decisions of the ones nested in it. */
interface Decided {
  readonly succeeded: boolean;
  readonly operations: readonly DecidedOp[];
}
interface DecidedOp {
  readonly operation: RequestOp;
  readonly nested: Decided | undefined;
}

/** In slices. @throws MvccError before anything changed */
export function* executeTxn(write: WriteTxn, request: TxnRequest): Generator<undefined, TxnResponse, undefined> {
  const decided = decide(write, request);
  checkPuts(write, decided);
  checkRanges(write, decided);
  const responses = yield* execute(write, decided);
  return { header: headerAt(write.revision), succeeded: decided.succeeded, responses };
}

function decide(view: ReadView, request: TxnRequest): Decided {
  const succeeded = request.compare.every((compare) => holds(view, compare));
  const operations = (succeeded ? request.success : request.failure).map((operation) => ({
    operation,
    nested: operation.requestTxn === undefined ? undefined : decide(view, operation.requestTxn),
  }));
  return { succeeded, operations };
}

function checkPuts(write: WriteTxn, { operations }: Decided): void {
  for (const { operation, nested } of operations) {
    if (operation.requestPut !== undefined) {
      write.checkExists(operation.requestPut);
      write.checkLease(operation.requestPut);
    } else if (nested !== undefined) checkPuts(write, nested);
  }
}

function checkRanges(view: ReadView, { operations }: Decided): void {
  for (const { operation, nested } of operations) {
    if (operation.requestRange !== undefined) checkRange(view, operation.requestRange);
    else if (nested !== undefined) checkRanges(view, nested);
  }
}

/** A negative revision is only told apart from "now" here, and only after a compaction: as etcd does. */
function checkRange(view: ReadView, { revision }: RangeRequest): void {
  if (revision === 0) return;
  if (revision > view.revision) {
    throw new MvccError({ code: "futureRevision", requested: revision, currentRevision: view.revision });
  }
  if (revision < view.compactRevision) {
    throw new MvccError({ code: "compacted", requested: revision, compactRevision: view.compactRevision });
  }
}

function* execute(write: WriteTxn, { operations }: Decided): Generator<undefined, ResponseOp[], undefined> {
  const responses: ResponseOp[] = [];
  for (const { operation, nested } of operations) responses.push(yield* executeOne(write, operation, nested));
  return responses;
}

function* executeOne(
  write: WriteTxn,
  operation: RequestOp,
  nested: Decided | undefined,
): Generator<undefined, ResponseOp, undefined> {
  const response: { -readonly [K in keyof ResponseOp]: ResponseOp[K] } = {
    responseRange: undefined,
    responsePut: undefined,
    responseDeleteRange: undefined,
    responseTxn: undefined,
  };
  if (operation.requestRange !== undefined) {
    response.responseRange = yield* rangeSteps(write, operation.requestRange);
  } else if (operation.requestPut !== undefined) {
    response.responsePut = write.put(operation.requestPut);
  } else if (operation.requestDeleteRange !== undefined) {
    response.responseDeleteRange = yield* write.deleteRange(operation.requestDeleteRange);
  } else if (nested !== undefined) {
    // etcd leaves the revision of an inner header empty.
    const responses = yield* execute(write, nested);
    response.responseTxn = { header: headerAt(0), succeeded: nested.succeeded, responses };
  }
  return response;
}
