import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelStoreError, type Bucket, type LevelStore } from "../src/index.ts";

export async function temporaryDirectory(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "triarch-level-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export async function failureOf(run: () => unknown): Promise<LevelStoreError | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof LevelStoreError) return error;
    throw error;
  }
}

export async function keysOf(store: Pick<LevelStore, "rows">, bucket: Bucket): Promise<string[]> {
  const keys: string[] = [];
  for await (const batch of store.rows(bucket)) for (const row of batch) keys.push(Buffer.from(row.key).toString());
  return keys;
}
