/** Sizes and times for people. */

const byteUnits = ["B", "KiB", "MiB", "GiB"] as const;

export function bytesText(size: number): string {
  const unit = Math.min(byteUnits.length - 1, Math.floor(Math.log2(Math.max(1, size)) / 10));
  const value = size / 1024 ** unit;
  return `${unit === 0 ? value : value.toFixed(1)} ${byteUnits[unit] ?? ""}`;
}

const timeUnits = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** The two largest units: "3d4h", "5m", "20s". */
export function durationText(ms: number): string {
  let rest = Math.max(0, ms);
  const parts: string[] = [];
  for (const [name, unitMs] of timeUnits) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? "0s" : parts.join("");
}
