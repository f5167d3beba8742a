// Every planted bug is found by a checker that it names, and none of them finds anything in the clean sources. What needs
// real disks is in `mutants-power.long.ts`.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import t from "tap";
import { allMutants } from "./all-mutants.ts";
import { mutantTest } from "./mutant-test.ts";

t.setTimeout(600_000);
const mutants = allMutants.filter(({ catcher }) => catcher.kind !== "power");
mutantTest(t, { top: join(import.meta.dirname, "..", ".."), mutants, clean: true, jobs: availableParallelism() });
