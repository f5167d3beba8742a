/** Sorted lists of members, as a `ConfState` holds them. */
import type { MemberId } from "../types.ts";

export function compareMembers(left: MemberId, right: MemberId): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

export function sortedMembers(ids: Iterable<MemberId>): MemberId[] {
  return [...new Set(ids)].sort(compareMembers);
}

export function sameMembers(left: readonly MemberId[], right: readonly MemberId[]): boolean {
  return left.length === right.length && left.every((id, i) => id === right[i]);
}

/** How many members are in exactly one of the two. */
export function differenceCount(left: readonly MemberId[], right: readonly MemberId[]): number {
  return left.filter((id) => !right.includes(id)).length + right.filter((id) => !left.includes(id)).length;
}
