import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "@triarch/base";
import { emptyConfState } from "@triarch/raft";
import type { Entry } from "@triarch/raft";
import { createWal, nodeWalDisk, openWal } from "../src/index.ts";
import type { Wal, WalDisk, WalReplay, WalSnapshot } from "../src/index.ts";

export const metadata = { clusterId: 0xfeedn, memberId: 0xaa01n };
export const start: WalSnapshot = {
  index: 3,
  term: 1,
  confState: { ...emptyConfState, voters: [0xaa01n, 0xaa02n, 0xffff_ffff_ffff_fff0n] },
};

export function tempDir(t: { teardown(run: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), "triarch-wal-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const rng = seededRng(7);

/** Entries `first..last` of a term, with random data of up to `bytes` bytes. */
export function entries(first: number, last: number, term = 2, bytes = 300): Entry[] {
  const made: Entry[] = [];
  for (let index = first; index <= last; index++) {
    const data = Uint8Array.from({ length: rng.int(bytes + 1) }, () => rng.int(256));
    made.push({ term, index, type: index % 7 === 0 ? "confChangeV2" : "normal", data });
  }
  return made;
}

export async function create(dir: string, segmentSizeBytes = 1 << 20, disk: WalDisk = nodeWalDisk(dir)): Promise<Wal> {
  return createWal({ disk, metadata, snapshot: start, segmentSizeBytes });
}

/** Opens, closes, and tells what was found. */
export async function replayOf(dir: string): Promise<WalReplay> {
  const { wal, replay } = await openWal({ disk: nodeWalDisk(dir), metadata });
  await wal.close();
  return replay;
}

export function segmentFiles(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith(".wal"))
    .sort()
    .map((name) => join(dir, name));
}

export function editFile(path: string, edit: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(path);
  writeFileSync(path, edit(bytes) ?? bytes);
}

/** One past the last byte that is not zero. */
export function usedEnd(path: string): number {
  const bytes = readFileSync(path);
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}
