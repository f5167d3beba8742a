/**
 * Who can reach whom, how fast, and what gets lost on the way. Faults are of one direction: `1>2` says nothing about
 * `2>1`. A blocked path loses what is sent; a hanging one keeps it and delivers all of it later.
 */
import type { SimProcess } from "./process.ts";
import type { SimTransport } from "./transport.ts";
import type { World } from "./world.ts";

export interface Traffic {
  /** Share of batches that never arrive. */
  lossRate: number;
  duplicateRate: number;
  /** Share of batches that may overtake others of their stream. */
  reorderRate: number;
  delayMaxMs: number;
  /** Of a snapshot's pieces: the share at which it is cut off. */
  snapshotAbortRate: number;
}

export const calmTraffic: Traffic = {
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  delayMaxMs: 1.5,
  snapshotAbortRate: 0,
};

export class Network {
  readonly world: World;
  traffic: Traffic = { ...calmTraffic };
  readonly #blocked = new Set<string>();
  readonly #hanging = new Map<string, (() => void)[]>();
  readonly #transports = new Map<bigint, SimTransport>();
  /** What happened, for the report. */
  readonly reached = { lost: 0, duplicated: 0, reordered: 0, refusedPeers: 0, snapshotsAborted: 0 };

  constructor(world: World) {
    this.world = world;
  }

  attach(transport: SimTransport): void {
    this.#transports.set(transport.memberId, transport);
  }

  /** A process ended. @param isSilent its machine went with it: no connection is reset */
  ended(process: SimProcess, isSilent: boolean): void {
    if (this.#transports.get(process.memberId)?.process !== process) return;
    this.#transports.delete(process.memberId);
    if (isSilent) return;
    for (const other of this.#transports.values()) {
      this.world.after(this.world.between(0.1, 2), () => other.peerEnded(process));
    }
  }

  transportOf(id: bigint): SimTransport | undefined {
    return this.#transports.get(id);
  }

  isOpen(from: bigint, to: bigint): boolean {
    return !this.#blocked.has(path(from, to));
  }

  /** In both directions. */
  isReachable(one: bigint, other: bigint): boolean {
    return this.isOpen(one, other) && this.isOpen(other, one);
  }

  block(from: bigint, to: bigint): void {
    this.#blocked.add(path(from, to));
  }

  hang(from: bigint, to: bigint): void {
    if (!this.#hanging.has(path(from, to))) this.#hanging.set(path(from, to), []);
  }

  /** All paths are open again; what hung arrives. */
  heal(): void {
    this.#blocked.clear();
    const held = [...this.#hanging.values()].flat();
    this.#hanging.clear();
    for (const deliver of held) this.world.after(this.world.between(0.05, 2), deliver);
  }

  /** Calls `deliver` when, and if, something sent now arrives. */
  carry(from: bigint, to: bigint, delayMs: number, deliver: () => void): void {
    if (!this.isOpen(from, to)) return;
    this.world.after(delayMs, () => {
      const held = this.#hanging.get(path(from, to));
      if (held !== undefined) held.push(deliver);
      else if (this.isOpen(from, to)) deliver();
    });
  }
}

function path(from: bigint, to: bigint): string {
  return `${from.toString()}>${to.toString()}`;
}
