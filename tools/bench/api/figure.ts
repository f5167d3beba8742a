// One line of the result: what was measured, what is wanted, and what it cost.
import { short, table } from "../figures.ts";

export interface Aim {
  readonly bound: "at least" | "at most";
  readonly value: number;
}

export interface Figure {
  readonly what: string;
  readonly value: number;
  /** Follows the value: "/s", " ms", " MiB". */
  readonly unit: string;
  readonly aim?: Aim;
  /** Further figures by name, with their units in it. */
  readonly beside: Readonly<Record<string, number>>;
}

export function meetsAim({ value, aim }: Figure): boolean {
  if (aim === undefined) return true;
  return aim.bound === "at least" ? value >= aim.value : value <= aim.value;
}

/** What stands beside has no columns: it is another thing in each line. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.what,
    `${short(figure.value)}${figure.unit}`,
    figure.aim === undefined ? "" : `${figure.aim.bound} ${figure.aim.value.toLocaleString("en-US")}`,
    figure.aim === undefined ? "" : meetsAim(figure) ? "ok" : "short",
  ]);
  const [head = "", ...lines] = table(["", "measured", "aim", ""], rows).split("\n");
  const width = Math.max(...lines.map((line) => line.length));
  const beside = figures.map((figure, i) => `${(lines[i] ?? "").padEnd(width)}   ${besideText(figure)}`.trimEnd());
  return [head, ...beside].join("\n");
}

function besideText({ beside }: Figure): string {
  return Object.entries(beside)
    .map(([name, value]) => `${name} ${short(value)}`)
    .join(", ");
}
