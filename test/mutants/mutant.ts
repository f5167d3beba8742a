/** A planted bug: what is changed in a copy of the sources, what must find it, and within how much trying. */

/** `search` stands exactly once in `file`, or the mutant is stale and the run fails. */
export interface Edit {
  /** From the top of the repository. */
  readonly file: string;
  readonly search: string;
  readonly replacement: string;
}

/** How a copy is tried. `seeds` and `rounds` are bounds: the first finding ends it. */
export type Catcher =
  /** Whole clusters on simulated clock, network and disk: test/simulation. */
  | { readonly kind: "simulation"; readonly seeds: number }
  /** The Raft core alone under random events: libs/raft/test/simulation.ts. */
  | { readonly kind: "core"; readonly seeds: number }
  /** Real members, real file systems: test/power-loss. */
  | { readonly kind: "power"; readonly rounds: number }
  /** A test file. What it finds is the name of the first test that fails. */
  | { readonly kind: "test"; readonly file: string };

export interface Mutant {
  readonly name: string;
  /** The promise that is broken, in a few words. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly catcher: Catcher;
  /** Any of these must be what finds it; where there are several: which one comes first depends on the seed. */
  readonly expected: readonly string[];
  /** Quick enough for `npm test`. */
  readonly sample?: true;
}

/** Equal for mutants whose clean twin is the same run, but for the bound. */
export function catcherName(catcher: Catcher): string {
  return catcher.kind === "test" ? catcher.file : catcher.kind;
}
