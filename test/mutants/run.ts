/**
 * `npm run mutants [-- --only PART] [--jobs N] [--json] [--no-clean]`: plants every mutant, or those with PART in their
 * name, in a copy of the sources, and wants the checker that it names to find it. Exit code 1: one was not found, was found by
 * another checker, is out of date, or the clean sources were not clean; 2: wrong usage.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { allMutants } from "./all-mutants.ts";
import { isGood, runMutants, type Verdict } from "./mutation-run.ts";

/** Longer texts are for `--json`. */
const textCharactersMax = 300;

function row({ name, expected, outcome, checker, seed, seconds }: Verdict): string {
  const seedText = seed === undefined ? "-" : String(seed);
  const columns = [name.padEnd(44), outcome.padEnd(16), (checker || "-").padEnd(24), seedText.padStart(5)];
  return `${columns.join(" ")} ${seconds.toFixed(1).padStart(7)} s  ${expected.join(" | ")}`;
}

function show(verdict: Verdict): void {
  console.log(row(verdict));
  const { outcome, text } = verdict;
  if (text !== "" && outcome !== "caught") console.log(`    ${text.slice(0, textCharactersMax)}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      only: { type: "string", default: "" },
      jobs: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      clean: { type: "boolean", default: true },
    },
  });
  const mutants = allMutants.filter(({ name }) => name.includes(values.only));
  if (mutants.length === 0) throw new Error(`no mutant has "${values.only}" in its name`);
  if (!values.json) console.log(`${"mutant".padEnd(44)} ${"outcome".padEnd(16)} ${"caught by".padEnd(24)}  seed`);
  const verdicts = await runMutants({
    top: join(import.meta.dirname, "..", ".."),
    mutants,
    jobs: Number(values.jobs),
    clean: values.clean,
    onVerdict: (verdict) => (values.json ? console.log(JSON.stringify(verdict)) : show(verdict)),
  });
  const bad = verdicts.filter((verdict) => !isGood(verdict));
  const caught = verdicts.filter(({ outcome }) => outcome === "caught").length;
  if (!values.json) console.log(`${caught} of ${mutants.length} mutants caught as expected, ${bad.length} problems`);
  return bad.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
