// A drill's report as one HTML file without scripts: the figures, the checks, and acknowledged writes over time.
import type { DrillReport } from "./leader-kill.ts";

const chart = { width: 860, height: 220, bucketMs: 100, left: 50, bottom: 24 } as const;

const resultClasses = { passed: "ok", failed: "bad", skipped: "sub" } as const;

export function renderDrillPage(report: DrillReport): string {
  const rows = [
    ["Longest gap between acknowledged writes", `${report.longestGapMs} ms`],
    ["Time to a new leader", `${report.timeToLeaderMs} ms`],
    ["Acknowledged writes", String(report.writes.acknowledged)],
    ["Lost writes", String(report.lostWrites)],
    ["Killed master caught up in", `${report.catchUpMs} ms`],
  ];
  const cells = rows
    .map(([name, value]) => `<tr><th>${escape(name ?? "")}</th><td>${escape(value ?? "")}</td></tr>`)
    .join("\n");
  const checks = report.checks
    .map(
      (one) =>
        `<tr><th>${escape(one.name)}</th><td class="${resultClasses[one.result]}">${one.result}</td><td>${escape(one.detail)}</td></tr>`,
    )
    .join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Drill: ${escape(report.drill)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 920px; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.5rem; margin-bottom: 0; } .sub { color: #59636e; margin-top: 0; }
table { border-collapse: collapse; margin: 1rem 0; } th { text-align: left; font-weight: 500; padding: .3rem 2rem .3rem 0; }
td { padding: .3rem 1rem .3rem 0; font-variant-numeric: tabular-nums; } .ok { color: #1a7f37; } .bad { color: #cf222e; font-weight: 700; }
svg text { font: 11px system-ui, sans-serif; fill: #59636e; }
</style></head><body>
<h1>${escape(report.drill)}: ${report.passed ? '<span class="ok">passed</span>' : '<span class="bad">failed</span>'}</h1>
<p class="sub">${escape(report.startedAt)}; ${escape(report.leaderBefore)} was killed, ${escape(report.leaderAfter)} took over</p>
<table>${cells}</table>
<h2>Acknowledged writes per second</h2>
${renderChart(report.acknowledgedAtMs)}
<h2>Checks</h2>
<table>${checks}</table>
</body></html>
`;
}

function renderChart(timesMs: readonly number[]): string {
  const first = Math.floor((timesMs[0] ?? 0) / chart.bucketMs);
  const last = Math.floor((timesMs.at(-1) ?? 0) / chart.bucketMs);
  const counts = new Array<number>(last - first + 1).fill(0);
  for (const at of timesMs)
    counts[Math.floor(at / chart.bucketMs) - first] = (counts[Math.floor(at / chart.bucketMs) - first] ?? 0) + 1;
  const perSecond = 1_000 / chart.bucketMs;
  const top = Math.max(1, ...counts);
  const plotWidth = chart.width - chart.left;
  const plotHeight = chart.height - chart.bottom;
  const x = (bucket: number): number => chart.left + ((bucket - first) / counts.length) * plotWidth;
  const bars = counts
    .map((count, i) => {
      const height = (count / top) * (plotHeight - 10);
      return `<rect x="${x(first + i).toFixed(1)}" y="${(plotHeight - height).toFixed(1)}" width="${(plotWidth / counts.length).toFixed(2)}" height="${height.toFixed(1)}" fill="#54aeff"/>`;
    })
    .join("");
  const seconds = Array.from(
    { length: Math.floor((last - first) / perSecond) + 1 },
    (_, i) => Math.ceil(first / perSecond) + i,
  );
  const labels = seconds
    .map((s) => `<text x="${x(s * perSecond).toFixed(1)}" y="${chart.height - 6}">${s} s</text>`)
    .join("");
  const kill = x(0).toFixed(1);
  return `<svg viewBox="0 0 ${chart.width} ${chart.height}" role="img" aria-label="Acknowledged writes per second over time">
<line x1="${chart.left}" x2="${chart.width}" y1="${plotHeight}" y2="${plotHeight}" stroke="#d1d9e0"/>
<text x="0" y="14">${top * perSecond}/s</text><text x="0" y="${plotHeight}">0</text>
${bars}
<line x1="${kill}" x2="${kill}" y1="0" y2="${plotHeight}" stroke="#cf222e" stroke-dasharray="4 3"/><text x="${kill}" y="10" dx="4">kill -9</text>
${labels}</svg>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
