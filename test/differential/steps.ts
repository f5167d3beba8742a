// A program: what one client does, step by step. It says nothing absolute: revisions count from where the store stands
// when the step is reached, leases are named by the order in which the program was given them. So the same program runs
// on any store at any time, and a shrunk one still means the same.
import { hex, utf8Text } from "@triarch/base";
import type { UnaryName } from "../support/etcd/rpc.ts";

/** In place of a revision. `minus` is taken off; the result is never below zero but where `absolute` says so. */
export interface RevisionMark {
  readonly from: "current" | "compacted" | "absolute";
  readonly minus: number;
}

/** In place of a lease id: the n-th that is known, modulo their number; an id that nobody has when there is none. */
export interface LeaseMark {
  readonly leaseSlot: number;
}

/** A request with marks in place of revisions and lease ids; fields left out are zero. */
export type Drawn = Readonly<Record<string, unknown>>;

export type Step =
  | {
      readonly kind: "call";
      readonly method: UnaryName;
      readonly request: Drawn;
      /** Who asks, logged in with the password `passwordOfAll`; `nobody` shows a token that there is not. */
      readonly as?: string;
    }
  /** Renews over a stream of its own. */
  | { readonly kind: "renew"; readonly lease: LeaseMark | bigint }
  /** Opens a watcher on one of the program's watch streams. */
  | { readonly kind: "watch"; readonly stream: number; readonly request: Drawn }
  /** Cancels the n-th open watcher of the stream, or an id that nobody has. */
  | { readonly kind: "cancel"; readonly stream: number; readonly watcher: number | "unknown" }
  | { readonly kind: "progress"; readonly stream: number }
  /** Waits until every watcher has what is there for it. */
  | { readonly kind: "settle" };

export type Program = readonly Step[];

export const nobody = "nobody";
export const passwordOfAll = "secret";
/** Watch streams of one program. */
export const streamCount = 2;
/** An id that no lease has. */
export const unknownLease = 7_777_777n;

export function isRevisionMark(value: unknown): value is RevisionMark {
  return typeof value === "object" && value !== null && "from" in value && "minus" in value;
}

export function isLeaseMark(value: unknown): value is LeaseMark {
  return typeof value === "object" && value !== null && "leaseSlot" in value;
}

/** A step as a line that a person can read and that tells everything. */
export function stepText(step: Step): string {
  return JSON.stringify(step, (_name, value: unknown) => {
    if (value instanceof Uint8Array) return bytesText(value);
    if (isRevisionMark(value)) return value.from === "absolute" ? -value.minus : `${value.from}-${value.minus}`;
    if (isLeaseMark(value)) return `lease#${value.leaseSlot}`;
    return typeof value === "bigint" ? value.toString() : value;
  });
}

const bytesShownMax = 64;

/** Printable text as it is, other bytes as hexadecimal, long ones by length and first bytes. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length > bytesShownMax) return `${bytes.length} bytes ${hex(bytes.subarray(0, 8))}`;
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f) ? utf8Text(bytes) : `0x${hex(bytes)}`;
}
