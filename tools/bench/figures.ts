// Medians and a table that aligns.

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? 0;
}

export function worst(values: readonly number[]): number {
  return Math.max(...values);
}

/** Three significant figures, no exponent. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "never";
  if (Math.abs(value) >= 100) return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  return value.toPrecision(3);
}

/** The first column is left-aligned, the others are right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join("   ").trimEnd()).join("\n");
}

/** Long work says where it is; one line a step, on stderr. */
export function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
