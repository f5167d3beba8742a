// The register of clusters that tests have made: one file per cluster under .cache/test-clusters/, written before the
// cluster starts, removed when it is taken down. What is still there at the end of a run (or at the beginning of the
// next) was left by a test that failed or was interrupted, and is taken down here.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tryCommand } from "@triarch/machine";

const downTimeoutMs = 120_000;

export interface RegisterEntry {
  /** Absolute. */
  readonly dataDir: string;
  /** Holds the data directory and the test's other files; deleted as a whole. */
  readonly folder: string;
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

/** From here on the entry's folder may be deleted at the end of the run. */
export async function registerCluster(top: string, entry: Omit<RegisterEntry, "ownerPid">): Promise<void> {
  await mkdir(registerFolder(top), { recursive: true });
  const whole: RegisterEntry = { ...entry, ownerPid: process.pid };
  await writeFile(registerFile(top, entry.dataDir), JSON.stringify(whole));
}

export async function forgetCluster(top: string, dataDir: string): Promise<void> {
  await rm(registerFile(top, dataDir), { force: true });
}

/** What is registered now. */
export async function registeredClusters(top: string): Promise<readonly RegisterEntry[]> {
  const names = await readdir(registerFolder(top)).catch(() => []);
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(registerFolder(top), name), "utf8")) as RegisterEntry),
  );
}

/** Leaves alone what a running test owns. @returns a line per cluster that was left over */
export async function takeDownLeftOvers(top: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { dataDir, folder, ownerPid } of await registeredClusters(top)) {
    if (isAlive(ownerPid)) continue;
    const args = [triarchProgram(top), "down", "--delete-data", "--data-dir", dataDir];
    const { exitCode, stderr } = await tryCommand(process.execPath, args, { timeoutMs: downTimeoutMs });
    const outcome = exitCode === 0 || stderr.includes("there is no cluster") ? "taken down" : stderr.trim().slice(-500);
    lines.push(`a test left the cluster in ${dataDir}: ${outcome}`);
    await rm(folder, { recursive: true, force: true });
    await forgetCluster(top, dataDir);
  }
  return lines;
}
