// Answers as plain objects that compare: what must differ between two stores is taken out, nothing else.
import { crc32c } from "@triarch/base";
import { bytesText } from "./steps.ts";

/** What stands between a store's numbers and a program's. */
export interface Frame {
  /** The store's revision before the program's first step. */
  readonly baseRevision: number;
  /** Names of leases whose ids the store chose. */
  leaseName(id: bigint): string;
}

export type Shown = Readonly<Record<string, unknown>>;

const revisionFields = new Set(["revision", "modRevision", "createRevision", "compactRevision", "hashRevision"]);
const leaseFields = new Set(["id", "lease"]);
/** How much of a lease's time may be gone on a busy machine. */
const elapsedSecondsMax = 600;

/** @param answer a decoded message */
export function show(answer: object, frame: Frame): Shown {
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]: [string, unknown]) => [name, showField(name, value, answer, frame)]),
  );
}

function showField(name: string, value: unknown, parent: object, frame: Frame): unknown {
  if (value instanceof Uint8Array) return showBytes(value);
  if (Array.isArray(value)) {
    return value.map((one: unknown) =>
      one instanceof Uint8Array ? showBytes(one) : typeof one === "object" && one !== null ? show(one, frame) : one,
    );
  }
  if (name === "header") return showHeader(value as Header, frame);
  if (typeof value === "number" && revisionFields.has(name)) return relative(value, frame);
  if (typeof value === "bigint") return leaseFields.has(name) ? frame.leaseName(value) : value === 0n ? "0" : "set";
  if (name === "ttl" && "grantedTtl" in parent) return remaining(value as number, parent.grantedTtl as number);
  return typeof value === "object" && value !== null ? show(value, frame) : value;
}

interface Header {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: number;
  readonly raftTerm: number;
}

/** Which cluster and member is another matter; that they are named is not. */
function showHeader(header: Header, frame: Frame): string {
  const named = [header.clusterId !== 0n, header.memberId !== 0n, header.raftTerm !== 0].map((there) =>
    there ? "+" : "-",
  );
  return `${relative(header.revision, frame)} ${named.join("")}`;
}

/** Zero and less mean none, everywhere. */
function relative(revision: number, frame: Frame): number | string {
  return revision <= 0 ? revision : `r${revision - frame.baseRevision}`;
}

function remaining(seconds: number, granted: number): number | string {
  return seconds > 0 && seconds <= granted && seconds >= granted - elapsedSecondsMax ? "what is left" : seconds;
}

const comparedAsTextMax = 64;

function showBytes(bytes: Uint8Array): string {
  return bytes.length > comparedAsTextMax ? `${bytesText(bytes)} ${crc32c(bytes)}` : bytesText(bytes);
}
