// Compares what one client was told with what happened in the store: by revision, with no gap, no duplicate, no other
// order, and nothing that never happened.
export interface SeenChange {
  readonly type: "put" | "delete";
  readonly name: string;
  readonly revision: number;
  /** For a delete: not compared. */
  readonly value: string;
}

export type Told =
  | { readonly kind: "change"; readonly change: SeenChange }
  /** Everything up to here has come. */
  | { readonly kind: "bookmark"; readonly revision: number }
  /** The client lost the thread and was given the whole state. */
  | { readonly kind: "list"; readonly revision: number; readonly items: readonly Omit<SeenChange, "type">[] };

/**
 * @param start the revision after which the client began
 * @param end the revision up to which it must have been told everything
 * @returns a line for each difference; none: the stream is the history
 */
export function streamDifferences(
  told: readonly Told[],
  history: readonly SeenChange[],
  { start, end }: { readonly start: number; readonly end: number },
): readonly string[] {
  const lines: string[] = [];
  let at = history.findIndex(({ revision }) => revision > start);
  if (at < 0) at = history.length;
  /** All of the history up to `revision` must have been told by now. */
  const passed = (revision: number, why: string): void => {
    for (let next = history[at]; next !== undefined && next.revision <= revision; next = history[at]) {
      lines.push(`${textOf(next)} did not come before ${why}`);
      at += 1;
    }
  };
  for (const one of told) {
    if (one.kind === "bookmark") passed(one.revision, `the bookmark of ${one.revision}`);
    else if (one.kind === "list") {
      lines.push(...listDifferences(one, history));
      // What a list shows need not come one by one.
      while ((history[at]?.revision ?? Infinity) <= one.revision) at += 1;
    } else {
      const { change } = one;
      passed(change.revision - 1, textOf(change));
      const expected = history[at];
      if (expected !== undefined && textOf(expected) === textOf(change)) at += 1;
      else
        lines.push(
          `${textOf(change)} came, expected was ${expected === undefined ? "nothing more" : textOf(expected)}`,
        );
    }
  }
  passed(end, "the end");
  return lines;
}

function listDifferences(
  { revision, items }: Extract<Told, { readonly kind: "list" }>,
  history: readonly SeenChange[],
): readonly string[] {
  const state = new Map<string, string>();
  for (const change of history) {
    if (change.revision > revision) break;
    if (change.type === "delete") state.delete(change.name);
    else state.set(change.name, textOf(change));
  }
  const listed = items.map((item) => textOf({ ...item, type: "put" })).sort();
  const expected = [...state.values()].sort();
  return listed.join("\n") === expected.join("\n")
    ? []
    : [`the list at ${revision} has ${listed.length} objects, ${expected.length} were there, or they differ`];
}

function textOf({ type, name, revision, value }: SeenChange): string {
  return type === "delete" ? `${revision} delete ${name}` : `${revision} put ${name}=${value}`;
}
