// Every difference between etcd 3.4.23 and ours that is meant, each with its reason. What is not here fails the run.
import type { Line } from "./run-program.ts";
import type { Shown } from "./show.ts";
import { isLaterEtcd } from "./targets.ts";

export interface AllowedDifference {
  readonly name: string;
  readonly reason: string;
  /**
   * @returns both answers with the difference taken out, for what remains to be compared; undefined: does not apply
   */
  reconcile(etcd: Line, ours: Line): readonly [Shown, Shown] | undefined;
}

export const allowedDifferences: readonly AllowedDifference[] = [
  {
    name: "keys_only has no lease",
    reason: "since 3.7 keys_only is answered from the index, which knows no leases",
    reconcile: (etcd, ours) =>
      holds(etcd.request, (part) => part["keysOnly"] === true)
        ? [without(etcd.answer, "lease"), without(ours.answer, "lease")]
        : undefined,
  },
  {
    name: "order of equals",
    reason:
      "etcd's sort is not stable, so that what is equal in the sort target comes in any order, and a limit cuts off any " +
      "of it; ours comes in key order",
    reconcile: (etcd, ours) =>
      holds(etcd.request, (part) => ((part["sortTarget"] as number | undefined) ?? 0) !== 0)
        ? [withoutOrderOfEquals(etcd), withoutOrderOfEquals(ours)]
        : undefined,
  },
  {
    name: "header of an alarm's answer",
    reason: "3.4 leaves it out",
    reconcile: (etcd, ours) =>
      etcd.step.kind === "call" && etcd.step.method === "alarm" && etcd.answer["header"] === undefined
        ? [etcd.answer, Object.fromEntries(Object.entries(ours.answer).filter(([name]) => name !== "header"))]
        : undefined,
  },
  {
    name: "unknown sort order",
    reason: "refused as an invalid sort option since 3.5; 3.4 does not look",
    reconcile: (_etcd, ours) =>
      ours.answer["error"] === "etcdserver: invalid sort option" ? [ours.answer, ours.answer] : undefined,
  },
  {
    name: "hash of a negative revision",
    reason: "etcd hashes no rows; there is no such revision, so ours is refused as compacted",
    reconcile: (etcd, ours) =>
      etcd.step.kind === "call" && etcd.step.method === "hashKv" && (etcd.request["revision"] as number) < 0
        ? [ours.answer, ours.answer]
        : undefined,
  },
  {
    name: "watch from before the first revision",
    reason: "a negative start revision is refused at the creation since 3.5; 3.4 creates the watcher, then cancels it",
    reconcile: (_etcd, ours) => (refusesNegativeStart(ours.answer) ? [ours.answer, ours.answer] : undefined),
  },
  {
    name: "previous value of a creation",
    reason: "a key that its transaction deletes and creates anew has none since 3.5; 3.4 shows the deleted row",
    reconcile: (etcd, ours) =>
      etcd.answer["watcher"] === undefined
        ? undefined
        : [mapParts(etcd.answer, withoutPreviousOfCreation), mapParts(ours.answer, withoutPreviousOfCreation)],
  },
  {
    name: "which of a transaction's faults is told",
    reason: "ours looks at all puts before the ranges, as 3.4 does; later ones go through the operations in order",
    reconcile: (etcd, ours) =>
      isLaterEtcd && isRefusedTxn(etcd) && isRefusedTxn(ours) ? [ours.answer, ours.answer] : undefined,
  },
];

function withoutPreviousOfCreation(part: Shown): Shown {
  const { kv, prevKv: _previous, ...rest } = part;
  const { createRevision, modRevision } = (kv ?? {}) as Shown;
  return kv !== undefined && createRevision === modRevision ? { ...rest, kv } : part;
}

function isRefusedTxn({ step, answer }: Line): boolean {
  return step.kind === "call" && step.method === "txn" && answer["error"] !== undefined;
}

/** Whether any part of a request, at any depth, is such. */
function holds(request: unknown, test: (part: Readonly<Record<string, unknown>>) => boolean): boolean {
  if (request instanceof Uint8Array || typeof request !== "object" || request === null) return false;
  if (Array.isArray(request)) return request.some((one) => holds(one, test));
  const part = request as Readonly<Record<string, unknown>>;
  return test(part) || Object.values(part).some((one) => holds(one, test));
}

function mapParts(answer: Shown, change: (part: Shown) => Shown): Shown {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    return typeof value === "object" && value !== null ? mapParts(value as Shown, change) : value;
  };
  return change(Object.fromEntries(Object.entries(answer).map(([name, value]) => [name, visit(value)])));
}

function without(answer: Shown, field: string): Shown {
  return mapParts(answer, (part) => Object.fromEntries(Object.entries(part).filter(([name]) => name !== field)));
}

const sortFields: Readonly<Record<number, string>> = {
  1: "version",
  2: "createRevision",
  3: "modRevision",
  4: "value",
};

/** Where a limit cut rows off, only what was sorted by is left of them. */
function withoutOrderOfEquals({ request, answer }: Line): Shown {
  const targets = new Set<string>();
  holds(request, (part) => {
    const field = sortFields[(part["sortTarget"] as number | undefined) ?? 0];
    if (field !== undefined) targets.add(field);
    return false;
  });
  const cut = mapParts(answer, (part) => {
    if (part["more"] !== true || !Array.isArray(part["kvs"])) return part;
    const rows = part["kvs"] as readonly Shown[];
    return { ...part, kvs: rows.map((row) => (targets.size === 1 ? row[[...targets][0] ?? ""] : "")) };
  });
  return sortedKvs(cut);
}

function sortedKvs(answer: Shown): Shown {
  return mapParts(answer, (part) => {
    const { kvs } = part;
    return Array.isArray(kvs) ? { ...part, kvs: kvs.map((kv) => JSON.stringify(kv)).sort() } : part;
  });
}

function refusesNegativeStart({ notices }: Shown): boolean {
  const [first] = (notices ?? []) as readonly Shown[];
  return first?.["cancelReason"] === "etcdserver: mvcc: required revision has been compacted";
}
