/** An open file of a simulated disk, as one process uses it. */
import type { WalFile } from "@triarch/wal";
import { systemError } from "./directory.ts";
import type { DiskFaults } from "./disk-faults.ts";
import { isAllZero } from "./inode.ts";
import type { Inode } from "./inode.ts";
import { never } from "./process.ts";
import type { SimProcess } from "./process.ts";

export class SimFile implements WalFile {
  readonly #inode: Inode;
  readonly #process: SimProcess;
  readonly #faults: DiskFaults;

  constructor(inode: Inode, process: SimProcess, faults: DiskFaults) {
    this.#inode = inode;
    this.#process = process;
    this.#faults = faults;
  }

  async sizeBytes(): Promise<number> {
    return this.#inode.content.length;
  }

  async read(): Promise<Uint8Array> {
    await this.#process.wait(this.#faults.metadataDelayMs());
    return this.#inode.content.slice();
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const isZero = isAllZero(bytes);
    if (!isZero && !this.#process.crashPoint("before write")) return never();
    if (!this.#process.alive) return never();
    const room = this.#faults.roomBytes(this.#inode.content.length - position, bytes.length);
    if (room > 0) this.#inode.change({ kind: "write", position, bytes: bytes.slice(0, room), isZero });
    if (room < bytes.length) throw systemError("ENOSPC");
    if (!isZero && !this.#process.crashPoint("after write")) return never();
    await this.#process.wait(this.#faults.writeDelayMs());
  }

  async truncate(sizeBytes: number): Promise<void> {
    if (!this.#process.crashPoint("before truncate")) return never();
    this.#inode.change({ kind: "truncate", sizeBytes });
    await this.#process.wait(this.#faults.writeDelayMs());
  }

  async fdatasync(): Promise<void> {
    if (!this.#process.crashPoint("before sync")) return never();
    const count = this.#inode.unsyncedCount;
    await this.#process.wait(this.#faults.syncDelayMs());
    if (this.#faults.takeSyncFailure()) {
      this.#inode.syncFailed((probability) => this.#process.world.chance(probability));
      throw systemError("EIO");
    }
    this.#inode.synced(Math.min(count, this.#inode.unsyncedCount));
    if (!this.#process.crashPoint("after sync")) return never();
  }

  async close(): Promise<void> {
    return this.#process.alive ? undefined : never();
  }
}
