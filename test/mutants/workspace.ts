/** A copy of the sources that mutants may be planted in. Third-party packages are shared, our own are the copy's. */
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Mutant } from "./mutant.ts";

const copied = ["package.json", "libs", "test", "tools"];
const leftOut = new Set(["node_modules", ".test-results", ".tap", ".cache"]);

/** The text to be replaced is not there, or not once: the mutant has to be brought up to date. */
export class StaleMutant extends Error {
  override readonly name = "StaleMutant";
}

export class Workspace {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param top of the repository */
  static async copyOf(top: string): Promise<Workspace> {
    const folder = await mkdtemp(join(tmpdir(), "triarch-mutants-"));
    const filter = (path: string): boolean => !leftOut.has(basename(path));
    for (const path of copied) await cp(join(top, path), join(folder, path), { recursive: true, filter });
    await linkModules(top, folder);
    return new Workspace(folder);
  }

  /**
   * Runs `work` with the mutant planted, and takes it out again.
   * @throws StaleMutant before anything is changed
   */
  async with<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const clean = new Map<string, string>();
    const planted = new Map<string, string>();
    for (const { file, search, replacement } of mutant.edits) {
      const text = planted.get(file) ?? (await readFile(join(this.folder, file), "utf8"));
      if (!clean.has(file)) clean.set(file, text);
      const count = text.split(search).length - 1;
      if (count !== 1) throw new StaleMutant(`${mutant.name}: the text is ${count} times in ${file}: ${search}`);
      planted.set(
        file,
        text.replace(search, () => replacement),
      );
    }
    try {
      for (const [file, text] of planted) await writeFile(join(this.folder, file), text);
      return await work();
    } finally {
      for (const [file, text] of clean) await writeFile(join(this.folder, file), text);
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The links to our own packages lead back into the folder that they are in, so the copy needs its own. */
async function linkModules(top: string, folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  const scope = join(modules, "@triarch");
  await mkdir(scope, { recursive: true });
  for (const name of await readdir(join(top, "node_modules"))) {
    if (name === "@triarch" || name === ".cache") continue;
    await symlink(join(top, "node_modules", name), join(modules, name));
  }
  for (const name of await readdir(join(folder, "libs"))) {
    await symlink(join(folder, "libs", name), join(scope, name));
    // Versions that only one package uses.
    const nested = join("libs", name, "node_modules");
    if (existsSync(join(top, nested))) await symlink(join(top, nested), join(folder, nested));
  }
}
