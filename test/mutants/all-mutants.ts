import { diskMutants } from "./disk-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { raftMutants } from "./raft-mutants.ts";

export const allMutants: readonly Mutant[] = [...raftMutants, ...diskMutants];
