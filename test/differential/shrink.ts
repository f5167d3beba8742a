import type { Program } from "./steps.ts";

const shrinkTimeMaxMs = 60_000;

/**
 * Leaves out parts, halves first and then smaller ones, for as long as what remains still fails.
 *
 * Ends with a program of which no single step can go, or after `shrinkTimeMaxMs` with the shortest found. What throws
 * does not count as failing.
 */
export async function shrink(program: Program, fails: (candidate: Program) => Promise<boolean>): Promise<Program> {
  const deadline = performance.now() + shrinkTimeMaxMs;
  let shortest = program;
  for (let size = Math.ceil(program.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < shortest.length && performance.now() < deadline;) {
      const candidate = [...shortest.slice(0, at), ...shortest.slice(at + size)];
      if (await fails(candidate).catch(() => false)) shortest = candidate;
      else at += size;
    }
  }
  return shortest;
}
