// Duplicate keys are found in a text, unknown fields in the document that was read from it. Kubernetes names both as one
// list, in the order of the text.
import type { Finding } from "./findings.ts";
import { keyOffsets } from "./json-scanner.ts";

/** Longer texts are not walked through again: duplicates come first then. */
const orderedTextMax = 65_536;

/** @param text the JSON that was read. Cost: nothing where one of the lists is empty, else a walk through the text. */
export function inTextOrder(
  text: string,
  duplicates: readonly Finding[],
  findings: readonly Finding[],
): readonly Finding[] {
  const all = [...duplicates, ...findings];
  if (duplicates.length === 0 || findings.length === 0 || text.length > orderedTextMax) return all;
  const offsets = keyOffsets(text, new Set(all.map(({ path }) => path)));
  // A duplicate is noticed where the key comes again, an unknown field where it first comes.
  const offsetOf = ({ kind, path }: Finding): number => {
    const known = offsets.get(path) ?? [];
    return known[kind === "duplicateField" ? 1 : 0] ?? text.length;
  };
  return all
    .map((finding) => ({ finding, at: offsetOf(finding) }))
    .sort((left, right) => left.at - right.at)
    .map(({ finding }) => finding);
}
