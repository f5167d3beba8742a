// The table of a Scale: what was asked for beside what is there.
import type { Scale } from "../generated/types.generated.ts";
import { sparse } from "../validation/sparse.ts";
import { ageOf, nameOf } from "./cells.ts";
import { ageColumn, countColumn, type KindTable, nameColumn } from "./table.ts";

export const scaleTable: KindTable = {
  columns: [
    nameColumn,
    countColumn("Desired", "Pods that are asked for."),
    countColumn("Available", "Pods that were seen."),
    ageColumn,
  ],
  cells: (object, nowMs) => {
    const { spec = {}, status = {} } = sparse<Scale>(object);
    return [nameOf(object), spec.replicas ?? 0, status.replicas ?? 0, ageOf(object, nowMs)];
  },
};
