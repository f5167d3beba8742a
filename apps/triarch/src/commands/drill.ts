import { writeFile } from "node:fs/promises";
import { clusterPaths, requireClusterSpec } from "../cluster/cluster-spec.ts";
import { leaderKillDrill, type DrillReport } from "../drill/leader-kill.ts";
import { renderDrillPage } from "../drill/report-page.ts";
import { CommandFailure } from "../errors.ts";
import { terminalProgress } from "../output/progress.ts";
import { renderTable } from "../output/table.ts";

export interface DrillOptions {
  readonly dataDir: string;
  readonly output?: "json";
  readonly report?: string;
}

const drills = [
  ["leader-kill", "kill -9 the leading master under a write load; measure the pause, count lost writes"],
] as const;

export function drillListCommand(): number {
  console.log(renderTable(["DRILL", "WHAT IT DOES"], drills));
  return 0;
}

/** @returns 0 when every check passed, 1 when one did not (a lost write among them) */
export async function drillRunCommand(name: string, options: DrillOptions, signal: AbortSignal): Promise<number> {
  if (!drills.some(([known]) => known === name)) {
    throw new CommandFailure(`there is no drill "${name}"`, { remedy: "see `triarch drill list`", exitCode: 2 });
  }
  const paths = clusterPaths(options.dataDir);
  const spec = await requireClusterSpec(paths);
  const report = await leaderKillDrill(spec, paths, terminalProgress(), signal);
  if (options.report !== undefined) await writeFile(options.report, renderDrillPage(report));
  console.log(options.output === "json" ? JSON.stringify(report, undefined, 2) : renderReport(report));
  return report.passed ? 0 : 1;
}

function renderReport(report: DrillReport): string {
  const { writes } = report;
  const figures = renderTable(
    ["MEASURED", "VALUE"],
    [
      ["leader", `${report.leaderBefore}, then ${report.leaderAfter}`],
      ["longest gap between acknowledged writes", `${report.longestGapMs} ms`],
      ["time to a new leader", `${report.timeToLeaderMs} ms`],
      ["acknowledged writes", String(writes.acknowledged)],
      ["refused / of unknown outcome", `${writes.refused} / ${writes.unknown}`],
      ["lost writes", String(report.lostWrites)],
      ["killed master caught up in", `${report.catchUpMs} ms`],
    ],
  );
  const checks = renderTable(
    ["CHECK", "RESULT", "DETAIL"],
    report.checks.map((one) => [one.name, one.result === "failed" ? "FAILED" : one.result, one.detail]),
  );
  return `\n${figures}\n\n${checks}`;
}
