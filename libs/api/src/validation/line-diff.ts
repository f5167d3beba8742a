// Differences of two texts, line by line, in the unified form. The matching is that of Python's difflib, which Kubernetes
// uses a port of: the longest common stretch first, then what is left and right of it. Lines that stand everywhere begin no
// match, they only lengthen one.

/** Lines around a difference. */
const contextLines = 3;
/** Shorter texts have no line that counts as standing everywhere. */
const popularLinesMin = 200;

interface Match {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}

type Tag = "equal" | "replace" | "delete" | "insert";

/** Lines `a1` to `a2` of the old text became lines `b1` to `b2` of the new one. */
interface Step {
  readonly tag: Tag;
  readonly a1: number;
  readonly a2: number;
  readonly b1: number;
  readonly b2: number;
}

/**
 * @param a the lines of the old text, `b` those of the new one
 * @returns hunks, each line ended; empty where nothing differs
 * Cost: in the worst case the product of both lengths, over a hundred, for every difference.
 */
export function unifiedDiff(a: readonly string[], b: readonly string[]): string {
  return grouped(stepsOf(a, b))
    .map((steps) => hunk(steps, a, b))
    .join("");
}

function hunk(steps: readonly Step[], a: readonly string[], b: readonly string[]): string {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined) return "";
  const head = `@@ -${range(first.a1, last.a2)} +${range(first.b1, last.b2)} @@\n`;
  const lines = (mark: string, of: readonly string[], from: number, to: number): string =>
    of
      .slice(from, to)
      .map((line) => `${mark}${line}\n`)
      .join("");
  const body = steps.map(({ tag, a1, a2, b1, b2 }) =>
    tag === "equal" ? lines(" ", a, a1, a2) : lines("-", a, a1, a2) + lines("+", b, b1, b2),
  );
  return head + body.join("");
}

/** First line and number of lines; one line is not counted, none begin at the line before. */
function range(start: number, end: number): string {
  const length = end - start;
  if (length === 1) return String(start + 1);
  return `${length === 0 ? start : start + 1},${length}`;
}

/** Stretches of differences with what stands around them. */
function grouped(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [[]];
  steps.forEach((step, i) => {
    const { tag, a1, a2, b1, b2 } = step;
    const group = groups.at(-1) ?? [];
    if (tag !== "equal") {
      group.push(step);
      return;
    }
    const before = { tag, a1, a2: Math.min(a2, a1 + contextLines), b1, b2: Math.min(b2, b1 + contextLines) };
    const after = { tag, a1: Math.max(a1, a2 - contextLines), a2, b1: Math.max(b1, b2 - contextLines), b2 };
    if (i === 0) group.push(after);
    else if (i === steps.length - 1) group.push(before);
    else if (a2 - a1 > 2 * contextLines) {
      group.push(before);
      groups.push([after]);
    } else group.push(step);
  });
  return groups.filter((group) => group.some(({ tag }) => tag !== "equal"));
}

function stepsOf(a: readonly string[], b: readonly string[]): readonly Step[] {
  const steps: Step[] = [];
  let [i, j] = [0, 0];
  for (const match of [...matchesOf(a, b), { a: a.length, b: b.length, size: 0 }]) {
    const tag = i < match.a && j < match.b ? "replace" : i < match.a ? "delete" : j < match.b ? "insert" : undefined;
    if (tag !== undefined) steps.push({ tag, a1: i, a2: match.a, b1: j, b2: match.b });
    [i, j] = [match.a + match.size, match.b + match.size];
    if (match.size > 0) steps.push({ tag: "equal", a1: match.a, a2: i, b1: match.b, b2: j });
  }
  return steps;
}

/** Ascending, neighbours joined. */
function matchesOf(a: readonly string[], b: readonly string[]): readonly Match[] {
  const places = placesOf(b);
  const found: Match[] = [];
  const open = [{ a1: 0, a2: a.length, b1: 0, b2: b.length }];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const match = longestMatch(a, b, places, part);
    if (match.size === 0) continue;
    found.push(match);
    const [a2, b2] = [match.a + match.size, match.b + match.size];
    if (part.a1 < match.a && part.b1 < match.b) open.push({ ...part, a2: match.a, b2: match.b });
    if (a2 < part.a2 && b2 < part.b2) open.push({ ...part, a1: a2, b1: b2 });
  }
  found.sort((left, right) => left.a - right.a);
  const joined: Match[] = [];
  for (const match of found) {
    const last = joined.at(-1);
    if (last !== undefined && last.a + last.size === match.a && last.b + last.size === match.b) {
      joined[joined.length - 1] = { ...last, size: last.size + match.size };
    } else joined.push(match);
  }
  return joined;
}

/** Where each line stands, without those that stand at more than one place in a hundred. */
function placesOf(lines: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  lines.forEach((line, i) => {
    const known = places.get(line);
    if (known === undefined) places.set(line, [i]);
    else known.push(i);
  });
  if (lines.length < popularLinesMin) return places;
  const most = Math.floor(lines.length / 100) + 1;
  return new Map([...places].filter(([, at]) => at.length <= most));
}

interface Part {
  readonly a1: number;
  readonly a2: number;
  readonly b1: number;
  readonly b2: number;
}

/** The longest stretch both parts have; of equal ones that which begins first in the old text, then in the new one. */
function longestMatch(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  { a1, a2, b1, b2 }: Part,
): Match {
  let best = { a: a1, b: b1, size: 0 };
  let lengths = new Map<number, number>();
  for (let i = a1; i < a2; i++) {
    const next = new Map<number, number>();
    for (const j of places.get(a[i] ?? "") ?? []) {
      if (j < b1) continue;
      if (j >= b2) break;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size };
    }
    lengths = next;
  }
  let { a: i, b: j, size } = best;
  for (; i > a1 && j > b1 && a[i - 1] === b[j - 1]; size++) [i, j] = [i - 1, j - 1];
  while (i + size < a2 && j + size < b2 && a[i + size] === b[j + size]) size++;
  return { a: i, b: j, size };
}
