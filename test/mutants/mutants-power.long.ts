// A log that is not synced, and a database that is not, lose acknowledged writes when the power goes, and that is found.
import { join } from "node:path";
import t from "tap";
import { needsLoopDisks } from "../power-loss/disks.ts";
import { allMutants } from "./all-mutants.ts";
import { mutantTest } from "./mutant-test.ts";

t.setTimeout(600_000);
const skip = await needsLoopDisks();
const mutants = allMutants.filter(({ catcher }) => catcher.kind === "power");
if (skip === false) mutantTest(t, { top: join(import.meta.dirname, "..", ".."), mutants, clean: true, jobs: 1 });
else t.test("planted bugs that lose what is not synced", { skip }, () => undefined);
