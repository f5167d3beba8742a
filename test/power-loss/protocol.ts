/** What a test says to a member's process and hears from it, as JSON over the channel that `fork` makes. */
import type { InitialMember } from "@triarch/etcd-server";

export interface MemberConfig {
  readonly name: string;
  readonly dataDir: string;
  readonly initialMembers: readonly InitialMember[];
  readonly port: number;
}

export type MemberOrder =
  | { readonly kind: "put"; readonly key: string; readonly value: string }
  | { readonly kind: "delete"; readonly key: string }
  /** Answered with the store's revision once all that was committed before is applied here. */
  | { readonly kind: "barrier" }
  | { readonly kind: "hash"; readonly revision: number }
  /** Every change up to `revision`, oldest first. */
  | { readonly kind: "history"; readonly revision: number };

/** One change of one key. `mark` is what `markOf` makes of the value; empty for a delete. */
export type Change = readonly [revision: number, key: string, mark: string];

export interface MemberAnswer {
  /** Of a write: its own; 0 when it changed nothing. Of a barrier: the store's. */
  readonly revision?: number;
  readonly hash?: number;
  readonly changes?: readonly Change[];
}

export type MemberReport =
  | { readonly kind: "started" }
  /** It would not start, or cannot go on; the process ends. */
  | { readonly kind: "refused" | "failed"; readonly error: string }
  | { readonly kind: "answer"; readonly id: number; readonly answer: MemberAnswer }
  /** It was refused, or its fate is unknown. `isBug`: the store gave no reason of its own, something broke. */
  | { readonly kind: "noAnswer"; readonly id: number; readonly error: string; readonly isBug: boolean };

/** A value begins with the name of its write, then `|` and filling; the length tells whether all of it is there. */
export function markOf(value: string): string {
  return `${value.slice(0, value.indexOf("|"))}/${value.length}`;
}
