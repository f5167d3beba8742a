// The register of clusters that tests have made: one file per cluster under .cache/test-clusters/, written before the
// cluster starts, removed when it is taken down. What is still there at the end of a run (or at the beginning of the
// next) was left by a test that failed or was interrupted, and is taken down here.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tryCommand } from "@triarch/machine";

const downTimeoutMs = 120_000;

interface RegisterEntry {
  readonly dataDir: string;
  /** The test file's process. */
  readonly ownerPid: number;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function triarchProgram(top: string): string {
  return join(top, "apps", "triarch", "bin", "triarch.js");
}

function registerFolder(top: string): string {
  return join(top, ".cache", "test-clusters");
}

function registerFile(top: string, dataDir: string): string {
  return join(registerFolder(top), createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
}

/** @param dataDir absolute; it and everything in it may be deleted at the end of the run */
export async function registerCluster(top: string, dataDir: string): Promise<void> {
  await mkdir(registerFolder(top), { recursive: true });
  await writeFile(registerFile(top, dataDir), JSON.stringify({ dataDir, ownerPid: process.pid }));
}

export async function forgetCluster(top: string, dataDir: string): Promise<void> {
  await rm(registerFile(top, dataDir), { force: true });
}

/** Leaves alone what a running test owns. @returns a line per cluster that was left over */
export async function takeDownLeftOvers(top: string): Promise<readonly string[]> {
  const names = await readdir(registerFolder(top)).catch(() => []);
  const lines: string[] = [];
  for (const name of names) {
    const entry = JSON.parse(await readFile(join(registerFolder(top), name), "utf8")) as RegisterEntry;
    const { dataDir } = entry;
    if (isAlive(entry.ownerPid)) continue;
    const args = [triarchProgram(top), "down", "--delete-data", "--data-dir", dataDir];
    const { exitCode, stderr } = await tryCommand(process.execPath, args, { timeoutMs: downTimeoutMs });
    const outcome = exitCode === 0 || stderr.includes("there is no cluster") ? "taken down" : stderr.trim().slice(-500);
    lines.push(`a test left the cluster in ${dataDir}: ${outcome}`);
    await rm(dataDir, { recursive: true, force: true });
    await forgetCluster(top, dataDir);
  }
  return lines;
}
