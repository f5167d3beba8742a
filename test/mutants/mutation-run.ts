/** Tries the clean sources and every mutant, some at a time, each in a copy. */
import { tryCopy, type Finding } from "./catchers.ts";
import { catcherName, type Catcher, type Mutant } from "./mutant.ts";
import { StaleMutant, Workspace } from "./workspace.ts";

export interface Verdict {
  readonly name: string;
  readonly expected: readonly string[];
  /** `caught`: as it should be. For the clean sources: nothing was found. */
  readonly outcome: "caught" | "survived" | "caughtByAnother" | "stale" | "failed" | "clean" | "notClean" | "unable";
  /** What found it. */
  readonly checker: string;
  readonly seed: number | undefined;
  readonly seconds: number;
  readonly text: string;
}

export function isGood({ outcome }: Verdict): boolean {
  return outcome === "caught" || outcome === "clean" || outcome === "unable";
}

/** One after the other in each of `jobs` copies; the clean sources first. */
export async function runMutants(options: {
  /** Of the repository. */
  readonly top: string;
  readonly mutants: readonly Mutant[];
  readonly jobs: number;
  /** False: only the mutants. */
  readonly clean: boolean;
  readonly onVerdict: (verdict: Verdict) => void;
}): Promise<readonly Verdict[]> {
  const { top, mutants, jobs, onVerdict } = options;
  const tasks: (Mutant | Catcher)[] = [...(options.clean ? cleanTries(mutants) : []), ...mutants];
  const verdicts: Verdict[] = [];
  const work = async (): Promise<void> => {
    const workspace = await Workspace.copyOf(top);
    try {
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        const verdict = "edits" in task ? await judgeMutant(workspace, task) : await judgeClean(workspace, task);
        verdicts.push(verdict);
        onVerdict(verdict);
      }
    } finally {
      await workspace.remove();
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, tasks.length)) }, work));
  return verdicts;
}

/** Each way of trying once, with the largest bound that a mutant has. */
function cleanTries(mutants: readonly Mutant[]): Catcher[] {
  const largest = new Map<string, Catcher>();
  for (const { catcher } of mutants) {
    const name = catcherName(catcher);
    const held = largest.get(name);
    if (held === undefined || boundOf(catcher) > boundOf(held)) largest.set(name, catcher);
  }
  return [...largest.values()];
}

function boundOf(catcher: Catcher): number {
  if (catcher.kind === "test") return 1;
  return catcher.kind === "power" ? catcher.rounds : catcher.seeds;
}

async function judgeClean({ folder }: Workspace, catcher: Catcher): Promise<Verdict> {
  const name = `clean: ${catcherName(catcher)}, ${boundOf(catcher)}`;
  return judge(
    { name, expected: [] },
    () => tryCopy(folder, catcher),
    (finding) => {
      return finding.kind === "nothing" ? "clean" : "notClean";
    },
  );
}

async function judgeMutant(workspace: Workspace, mutant: Mutant): Promise<Verdict> {
  const run = (): Promise<Finding> => workspace.with(mutant, () => tryCopy(workspace.folder, mutant.catcher));
  return judge(mutant, run, (finding) => {
    if (finding.kind !== "found") return "survived";
    return mutant.expected.includes(finding.checker) ? "caught" : "caughtByAnother";
  });
}

async function judge(
  { name, expected }: Pick<Verdict, "name" | "expected">,
  run: () => Promise<Finding>,
  outcomeOf: (finding: Finding) => Verdict["outcome"],
): Promise<Verdict> {
  const startedMs = performance.now();
  const done = (rest: Pick<Verdict, "outcome" | "checker" | "seed" | "text">): Verdict => {
    return { name, expected, seconds: (performance.now() - startedMs) / 1000, ...rest };
  };
  try {
    const finding = await run();
    const text = finding.kind === "nothing" ? "" : finding.text;
    const { checker, seed } = finding.kind === "found" ? finding : { checker: "", seed: undefined };
    return done({ outcome: finding.kind === "unable" ? "unable" : outcomeOf(finding), checker, seed, text });
  } catch (error) {
    const outcome = error instanceof StaleMutant ? "stale" : "failed";
    return done({
      outcome,
      checker: "",
      seed: undefined,
      text: error instanceof Error ? error.message : String(error),
    });
  }
}
