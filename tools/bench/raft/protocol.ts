// What the benchmark and its member processes say to each other, over the IPC channel.
import type { PeerTls } from "@triarch/raft-node";

export interface RaftMemberConfig {
  readonly id: number;
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  /** By member id: `https://HOST:PORT`. */
  readonly peerUrls: Readonly<Record<string, string>>;
  readonly tls: PeerTls;
}

export type RaftOrder =
  /** A closed loop of so many proposers, for so long; answered by `figures`. Only the leader can. */
  | { readonly kind: "load"; readonly proposers: number; readonly entryBytes: number; readonly durationMs: number }
  /** From now on a small proposal every millisecond; answered by `probes` when stopped. */
  | { readonly kind: "probe" }
  | { readonly kind: "probed" }
  | { readonly kind: "transfer"; readonly to: number };

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of this process, per entry. */
  readonly cpuMicrosPerEntry: number;
  /** JavaScript heap bytes that this process allocated, per entry. */
  readonly heapBytesPerEntry: number;
}

/** One accepted probe, in milliseconds of the machine's monotonic clock. */
export interface Probe {
  readonly proposedMs: number;
  readonly acceptedMs: number;
}

export type RaftReport =
  | { readonly kind: "state"; readonly leader: number; readonly term: number; readonly applied: number }
  | { readonly kind: "figures"; readonly figures: LoadResult }
  | { readonly kind: "probes"; readonly probes: readonly Probe[] }
  | { readonly kind: "failed"; readonly text: string };

/** Comparable between the processes of one machine. */
export function machineClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
