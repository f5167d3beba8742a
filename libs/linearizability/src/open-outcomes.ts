/**
 * What can be said of operations with unknown outcome before any search, so that few choices are left to it. Needs that
 * no two writes of a key have the same value.
 *
 *  - A write whose value somebody read did take effect, at the revision that was read, before the first of those reads
 *    returned: it becomes an operation with that outcome and that return.
 *  - Which value a write has that nobody read matters to nobody: all of them get one and the same, so that the search
 *    sees that they are interchangeable.
 */
import type { KeyOperation } from "./check-keys.ts";
import type { KeyInput, KeyVersion } from "./key-value-model.ts";

const unread = "(never read)";

/** @param history of one key */
export function resolveOpenOutcomes(history: readonly KeyOperation[]): readonly KeyOperation[] {
  const values = history.flatMap(({ input }) => ("value" in input ? [input.value] : []));
  if (new Set(values).size !== values.length) return history;
  const firstReads = new Map<string, { readonly found: KeyVersion; readonly returnedAt: number }>();
  for (const { output, returnedAt } of history) {
    if (output?.kind !== "got" || output.found === undefined) continue;
    const known = firstReads.get(output.found.value);
    if (known === undefined || returnedAt < known.returnedAt) {
      firstReads.set(output.found.value, { found: output.found, returnedAt });
    }
  }
  return history.map((operation) => {
    const { input, output, calledAt } = operation;
    if (output !== undefined || !("value" in input)) return operation;
    const read = firstReads.get(input.value);
    if (read === undefined) return { ...operation, input: withoutValue(input) };
    if (read.returnedAt <= calledAt) return operation; // read before it was called: no order will fit
    return { ...operation, output: { kind: "written", revision: read.found.modRevision }, returnedAt: read.returnedAt };
  });
}

function withoutValue(input: Extract<KeyInput, { readonly value: string }>): KeyInput {
  return { ...input, value: unread };
}
