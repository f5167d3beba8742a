/** What one step of a test run came to. A step that checks one thing (the type check) counts as one test. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Shown when something failed. */
  readonly output: string;
}

export interface Step {
  /** What `--only` matches. */
  readonly name: string;
  /** @param note shows a line of progress
   *  @param signal ends the step early; it leaves no process behind */
  run(note: (line: string) => void, signal: AbortSignal): Promise<Outcome>;
}

export function sumOf(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((sum, one) => sum + one.passed, 0),
    failed: outcomes.reduce((sum, one) => sum + one.failed, 0),
    skipped: outcomes.flatMap((one) => one.skipped),
    output: outcomes.map((one) => one.output).join("\n"),
  };
}
