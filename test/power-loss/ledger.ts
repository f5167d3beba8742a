/** What clients were told, to be compared with what the store says later. */
import type { Change } from "./protocol.ts";
import { Violation } from "./violation.ts";

/** Findings named in one violation. */
const namedMax = 5;

export class Ledger {
  readonly #acknowledged: Change[] = [];

  get count(): number {
    return this.#acknowledged.length;
  }

  /** A client was told that its write has this revision. */
  acknowledge(revision: number, key: string, mark: string): void {
    this.#acknowledged.push([revision, key, mark]);
  }

  /** @throws Violation "acknowledgedWriteLost" | "writtenTwice" */
  check(member: string, history: readonly Change[]): void {
    const found = new Map(history.map(([revision, key, mark]) => [revision, `${key} = ${mark}`]));
    const lost = this.#acknowledged.filter(([revision, key, mark]) => found.get(revision) !== `${key} = ${mark}`);
    if (lost.length > 0) {
      const lines = lost.slice(0, namedMax).map(([revision, key, mark]) => {
        return `${key} = ${mark} at ${revision}, where there is ${found.get(revision) ?? "nothing"}`;
      });
      throw new Violation(
        "acknowledgedWriteLost",
        `${member} lacks ${lost.length} of ${this.count} acknowledged writes: ${lines.join("; ")}`,
      );
    }
    const revisions = new Map<string, number>();
    for (const [revision, , mark] of history) {
      if (mark === "") continue;
      const before = revisions.get(mark);
      if (before !== undefined) {
        throw new Violation("writtenTwice", `${member} has write ${mark} at ${before} and at ${revision}`);
      }
      revisions.set(mark, revision);
    }
  }
}
