/** A run of mutants as a test: one assertion for each, and for each clean try. */
import { isGood, runMutants, type Verdict } from "./mutation-run.ts";
import type { Mutant } from "./mutant.ts";

/** The part of tap's test that is needed here. */
interface Tester {
  test(name: string, run: (t: Checks) => Promise<void>): unknown;
}

interface Checks {
  ok(value: boolean, text: string, extra: object): unknown;
}

export function mutantTest(
  t: Tester,
  options: {
    readonly top: string;
    readonly mutants: readonly Mutant[];
    readonly clean: boolean;
    readonly jobs: number;
  },
): void {
  t.test(`${options.mutants.length} planted bugs are found`, async (t) => {
    const onVerdict = (verdict: Verdict): void => {
      const { name, outcome, checker, expected, text } = verdict;
      t.ok(isGood(verdict), `${name}: ${outcome} ${checker}`, { expected, text });
    };
    await runMutants({ ...options, onVerdict });
  });
}
