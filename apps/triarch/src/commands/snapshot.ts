import { createHash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { BboltError, openBbolt, snapshotStatus, type SnapshotStatus } from "@triarch/bbolt";
import { connectEtcd } from "@triarch/etcd-grpc";
import { checkRestorable, EncryptionError, openSnapshotSource, restoreIntoDataDir } from "@triarch/etcd-server";
import {
  clusterPaths,
  isCode,
  newClusterSpec,
  readClusterSpec,
  requireClusterSpec,
  writeClusterSpec,
  type ClusterPaths,
  type Runtime,
} from "../cluster/cluster-spec.ts";
import { CommandFailure, messageOf } from "../errors.ts";
import { terminalProgress } from "../output/progress.ts";
import { renderTable } from "../output/table.ts";
import { bytesText } from "../output/units.ts";
import { etcdTls, memberStatuses } from "../status/collect.ts";
import { SupervisorClient } from "../supervisor/supervisor-client.ts";

export interface SnapshotSaveOptions {
  readonly dataDir: string;
}

/** Streams a snapshot of the leader into `FILE.part`, verifies it, and only then gives it its name. */
export async function snapshotSaveCommand(file: string, options: SnapshotSaveOptions): Promise<number> {
  const paths = clusterPaths(options.dataDir);
  const spec = await requireClusterSpec(paths);
  const progress = terminalProgress();
  const members = await memberStatuses(spec, paths, [], []);
  const from = members.find((one) => one.role === "leader") ?? members.find((one) => one.role !== "unreachable");
  if (from === undefined)
    throw new CommandFailure("no member answers", { remedy: "is the cluster running? see `triarch status`" });
  const part = `${file}.part`;
  try {
    const bytes = await progress.step(
      `Saving from ${from.name}`,
      async (step) => copySnapshot(from.etcdUrl, await etcdTls(paths), part, (size) => step.detail(bytesText(size))),
      bytesText,
    );
    const status = await progress.step(
      "Verifying",
      () => readStatus(part),
      (found) => `revision ${found.revision}, ${found.totalKeys} rows`,
    );
    await rename(part, file);
    console.log(
      renderTable(
        ["FILE", "REVISION", "ROWS", "SIZE", "HASH"],
        [[file, String(status.revision), String(status.totalKeys), bytesText(bytes), hexHash(status)]],
      ),
    );
    return 0;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

export async function snapshotStatusCommand(
  file: string,
  options: { readonly output?: "json"; readonly keyFile?: string },
): Promise<number> {
  const status = await readStatus(file, options.keyFile);
  if (options.output === "json") {
    const { revision, totalKeys, totalSizeBytes, encrypted } = status;
    const found = { file, hash: hexHash(status), revision, totalKeys, totalSizeBytes, encrypted };
    console.log(JSON.stringify(found, undefined, 2));
  } else {
    const row = [hexHash(status), String(status.revision), String(status.totalKeys), bytesText(status.totalSizeBytes)];
    console.log(renderTable(["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE"], [row]));
  }
  return 0;
}

export interface SnapshotRestoreOptions {
  readonly dataDir: string;
  readonly masters?: number;
  readonly workers?: number;
  readonly runtime?: Runtime;
  readonly basePort?: number;
  readonly keyFile?: string;
}

/**
 * Makes a new cluster's data directory out of a snapshot; everything is checked and written beside it first. A cluster
 * that is there already keeps its old data under another name.
 */
export async function snapshotRestoreCommand(file: string, options: SnapshotRestoreOptions): Promise<number> {
  const progress = terminalProgress();
  const paths = clusterPaths(options.dataDir);
  const present = await readClusterSpec(paths);
  if (present !== undefined && (await new SupervisorClient(paths).status()) !== undefined) {
    throw new CommandFailure(`the cluster in ${paths.root} is running`, {
      remedy: "end it with `triarch down` first; nothing was changed",
    });
  }
  await progress.step(
    "Checking the file",
    () => readStatus(file, options.keyFile),
    (status) => `revision ${status.revision}, ${status.totalKeys} rows`,
  );
  const shape =
    present === undefined ? undefined : { masters: present.masters.length, workers: present.workers.length };
  const spec = newClusterSpec({
    masters: options.masters ?? shape?.masters ?? 3,
    workers: options.workers ?? shape?.workers ?? 2,
    runtime:
      options.runtime ??
      present?.runtime ??
      (process.getuid?.() === 0 && process.platform === "linux" ? "docker" : "hollow"),
    basePort: options.basePort ?? present?.balancedPort ?? 6443,
  });
  const staging = clusterPaths(`${paths.root}.restoring`);
  await rm(staging.root, { recursive: true, force: true });
  try {
    await writeClusterSpec(staging, spec);
    const members = spec.masters.map((one) => ({ name: one.name, peerUrls: [`https://127.0.0.1:${one.peerPort}`] }));
    for (const master of spec.masters) {
      await progress.step(
        `Restoring ${master.name}`,
        () =>
          restoreIntoDataDir({
            ...{ file, dataDir: staging.member(master.name), members, clusterToken: spec.clusterId },
            ...(options.keyFile === undefined ? {} : { keyFile: options.keyFile }),
          }),
        (result) => `${result.rows} rows, revision ${result.snapshotRevision} continues at ${result.revision}`,
      );
    }
    const kept = await switchDirectories(paths, staging);
    console.log(`Restored into ${paths.root}; start it with \`triarch up --data-dir ${options.dataDir}\`.`);
    if (kept !== undefined) console.log(`The data that was there is kept in ${kept}.`);
    return 0;
  } catch (error) {
    await rm(staging.root, { recursive: true, force: true });
    throw error;
  }
}

/** @returns where the data that was there is now */
async function switchDirectories(paths: ClusterPaths, staging: ClusterPaths): Promise<string | undefined> {
  const kept = `${paths.root}.before-restore-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  try {
    await rename(paths.root, kept);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    await rename(staging.root, paths.root);
    return undefined;
  }
  await rename(staging.root, paths.root);
  return kept;
}

async function copySnapshot(
  url: string,
  tls: Awaited<ReturnType<typeof etcdTls>>,
  file: string,
  onProgress: (sizeBytes: number) => void,
): Promise<number> {
  const client = connectEtcd({ url, tls });
  const out = await open(file, "w", 0o600);
  let size = 0;
  try {
    for await (const chunk of client.snapshot()) {
      await out.write(chunk);
      size += chunk.length;
      onProgress(size);
    }
    await out.sync();
    return size;
  } finally {
    await out.close();
    await client.close();
  }
}

/** Checks everything: checksum, tree, rows. */
async function readStatus(file: string, keyFile?: string): Promise<SnapshotStatus & { readonly encrypted: boolean }> {
  const source = await openSnapshotSource(file, keyFile).catch((error: unknown) => {
    throw new CommandFailure(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  });
  try {
    const status = await snapshotStatus(source, createHash("sha256"));
    await checkRestorable(await openBbolt(source));
    return { ...status, encrypted: source.encrypted };
  } catch (error) {
    if (!(error instanceof BboltError || error instanceof EncryptionError)) throw error;
    throw new CommandFailure(`${file} is not a good snapshot: ${error.message}`, {
      remedy: "nothing was changed; try another snapshot",
      cause: error,
    });
  } finally {
    await source.close();
  }
}

function hexHash(status: SnapshotStatus): string {
  return status.hash.toString(16).padStart(8, "0");
}
