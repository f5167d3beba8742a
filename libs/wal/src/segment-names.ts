/** Segment files sort by name in the order of the log: sequence, then the first entry's index, both hexadecimal. */
export interface SegmentName {
  readonly name: string;
  readonly sequence: number;
  readonly firstIndex: number;
}

const pattern = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

/** A segment under this ending is being made and holds nothing yet. */
export const unfinishedSuffix = ".tmp";

export function segmentName(sequence: number, firstIndex: number): string {
  return `${hex16(sequence)}-${hex16(firstIndex)}.wal`;
}

/** In log order; names that are not a segment's are left out. */
export function segmentsAmong(names: readonly string[]): SegmentName[] {
  const segments: SegmentName[] = [];
  for (const name of names) {
    const match = pattern.exec(name);
    if (match === null) continue;
    segments.push({ name, sequence: parseInt(match[1] as string, 16), firstIndex: parseInt(match[2] as string, 16) });
  }
  return segments.sort((left, right) => left.sequence - right.sequence);
}

function hex16(value: number): string {
  return value.toString(16).padStart(16, "0");
}
