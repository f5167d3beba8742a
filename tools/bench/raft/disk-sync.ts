// How long this machine's disk takes to make 4 KiB durable: what every commit waits for, twice at least.
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const blockBytes = 4096;

/** @returns milliseconds: the median of `count` overwrites of preallocated blocks, each followed by `fdatasync` */
export async function medianSyncMs(count = 500): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), "sync-bench-"));
  const file = await open(join(dir, "file"), "w");
  try {
    const block = new Uint8Array(blockBytes).fill(1);
    await file.write(new Uint8Array(blockBytes * count), 0, blockBytes * count, 0);
    await file.sync();
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const startedMs = performance.now();
      await file.write(block, 0, blockBytes, i * blockBytes);
      await file.datasync();
      times.push(performance.now() - startedMs);
    }
    return times.sort((left, right) => left - right)[count >> 1] ?? 0;
  } finally {
    await file.close();
    await rm(dir, { recursive: true, force: true });
  }
}
