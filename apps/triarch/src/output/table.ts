const colourCode = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** Aligns columns as kubectl does: upper-case headings, three spaces between, nothing behind the last column. */
export function renderTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ""))));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell)))
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}

/** Colour codes take no room. */
function displayWidth(text: string): number {
  return text.replaceAll(colourCode, "").length;
}
