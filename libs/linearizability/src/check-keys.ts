/**
 * Linearizability of a key-value history, key by key: a history is linearizable when that of each key is (Herlihy and
 * Wing's locality). What keys have in common, the store's one revision, is `checkRevisions`.
 */
import { checkHistory, configurationsMaxDefault, type Verdict } from "./checker.ts";
import type { Operation } from "./history.ts";
import { resolveOpenOutcomes } from "./open-outcomes.ts";
import { keyModel, type KeyInput, type KeyOutput } from "./key-value-model.ts";

export type KeyOperation = Operation<KeyInput, KeyOutput> & { readonly key: string };

export interface KeysVerdict {
  /** The worst of all keys: a violation, then undecided. */
  readonly kind: Verdict<KeyInput, KeyOutput>["kind"];
  readonly keys: ReadonlyMap<string, Verdict<KeyInput, KeyOutput>>;
}

/** @param configurationsMax for each key; past it that key is undecided */
export function checkKeys(history: readonly KeyOperation[], configurationsMax = configurationsMaxDefault): KeysVerdict {
  const byKey = Map.groupBy(history, (operation) => operation.key);
  const keys = new Map(
    [...byKey].map(([key, operations]) => [
      key,
      checkHistory(keyModel, resolveOpenOutcomes(operations), configurationsMax),
    ]),
  );
  const kinds = new Set([...keys.values()].map((verdict) => verdict.kind));
  const kind = (["violation", "undecided"] as const).find((one) => kinds.has(one)) ?? "linearizable";
  return { kind, keys };
}

/**
 * The revisions of acknowledged writes: each has its own, and one that was answered before another was called has the
 * smaller one. Holds over all keys. @returns what does not hold, a line for each
 */
export function checkRevisions(history: readonly KeyOperation[]): readonly string[] {
  const writes = history.flatMap((operation) =>
    operation.output?.kind === "written" ? [{ ...operation, revision: operation.output.revision }] : [],
  );
  const byRevision = writes.toSorted((left, right) => left.revision - right.revision);
  const lines: string[] = [];
  let earliestReturn = Infinity;
  // From the greatest revision down: whoever returned before this one was called must not have a greater revision.
  for (const [i, write] of [...byRevision.entries()].reverse()) {
    if (byRevision[i + 1]?.revision === write.revision) lines.push(`two writes were told revision ${write.revision}`);
    if (earliestReturn < write.calledAt) {
      lines.push(
        `revision ${write.revision} was given to a write that was called after a greater one had been answered`,
      );
    }
    earliestReturn = Math.min(earliestReturn, write.returnedAt);
  }
  return lines;
}
