// Replaces the files of a volume in one step: a new folder is written, the link `..data` is moved to it, and every name is a
// link through `..data`. A reader sees all old files or all new ones.
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { equalBytes } from "@triarch/base";
import { ConfigError } from "../containers/config-source.ts";
import type { VolumeFile } from "./projected-files.ts";

const dataLink = "..data";

/**
 * @param fsGroup group that owns the files and may read them
 * @throws ConfigError on a path that leaves the volume
 */
export async function writeVolumeFiles(folder: string, files: readonly VolumeFile[], fsGroup?: number): Promise<void> {
  for (const { path } of files) {
    if (path === "" || path.startsWith("/") || path.split("/").includes("..")) {
      throw new ConfigError(`file path "${path}" leaves the volume`);
    }
  }
  await mkdir(folder, { recursive: true });
  const before = await readlink(join(folder, dataLink)).catch(() => undefined);
  if (before !== undefined && (await sameFiles(join(folder, before), files))) return;
  const fresh = await mkdtemp(join(folder, "..new-"));
  await chmod(fresh, 0o755);
  for (const { path, content, mode } of files) {
    const file = join(fresh, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    // The pod's group may read what it was given.
    await chmod(file, fsGroup === undefined ? mode : mode | 0o440);
    if (fsGroup !== undefined) await chown(file, -1, fsGroup);
  }
  const link = join(folder, "..data-new");
  await rm(link, { force: true });
  await symlink(fresh.slice(folder.length + 1), link);
  await rename(link, join(folder, dataLink));
  const names = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  for (const name of await readdir(folder)) {
    if (!name.startsWith("..") && !names.has(name)) await rm(join(folder, name), { force: true });
    else names.delete(name);
  }
  for (const name of names) await symlink(join(dataLink, name), join(folder, name));
  if (before !== undefined) await rm(join(folder, before), { recursive: true, force: true });
}

async function sameFiles(folder: string, files: readonly VolumeFile[]): Promise<boolean> {
  const present = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  if (present.length !== files.length) return false;
  for (const { path, content } of files) {
    const bytes = await readFile(join(folder, path)).catch(() => undefined);
    if (bytes === undefined || !equalBytes(bytes, content)) return false;
  }
  return true;
}
