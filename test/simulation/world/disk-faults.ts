/** How the disk of one member does: how fast, how full, how healthy. */
import { systemError } from "./directory.ts";
import type { World } from "./world.ts";

export class DiskFaults {
  readonly #world: World;
  /** Syncs take up to this. */
  syncMaxMs = 1;
  isFull = false;
  /** The next sync fails. */
  failsNextSync = false;
  /** What happened, for the report. */
  readonly reached = { full: 0, failedSyncs: 0, slowSyncs: 0 };

  constructor(world: World) {
    this.#world = world;
  }

  metadataDelayMs(): number {
    return this.#world.between(0.01, 0.1);
  }

  writeDelayMs(): number {
    return this.#world.between(0, 0.05);
  }

  syncDelayMs(): number {
    const slow = this.syncMaxMs > 10;
    if (slow) this.reached.slowSyncs += 1;
    return slow ? this.#world.between(this.syncMaxMs / 4, this.syncMaxMs) : this.#world.between(0.15, this.syncMaxMs);
  }

  /** A synced batch of the disk's own space is always there; a full disk only refuses what makes a file longer. */
  roomBytes(availableBytes: number, wantedBytes: number): number {
    if (!this.isFull || availableBytes >= wantedBytes) return wantedBytes;
    this.reached.full += 1;
    return Math.max(0, availableBytes) + this.#world.rng.int(wantedBytes - Math.max(0, availableBytes));
  }

  /** @throws ENOSPC */
  requireSpace(): void {
    if (!this.isFull) return;
    this.reached.full += 1;
    throw systemError("ENOSPC");
  }

  takeSyncFailure(): boolean {
    const fails = this.failsNextSync;
    this.failsNextSync = false;
    if (fails) this.reached.failedSyncs += 1;
    return fails;
  }

  heal(): void {
    this.syncMaxMs = 1;
    this.isFull = false;
    this.failsNextSync = false;
  }
}
