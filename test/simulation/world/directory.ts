/**
 * One directory of a simulated disk. Names have their own durability: creations, renames and removals are on disk after
 * `syncDirectory`; a power cut keeps the first so many of those that were not.
 */
import type { WalDisk, WalFile } from "@triarch/wal";
import type { DiskFaults } from "./disk-faults.ts";
import { SimFile } from "./file.ts";
import { Inode } from "./inode.ts";
import { never } from "./process.ts";
import type { SimProcess } from "./process.ts";

type NameChange = (names: Map<string, Inode>) => void;

export class SimDirectory {
  readonly path: string;
  readonly #faults: DiskFaults;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #unsynced: NameChange[] = [];

  constructor(path: string, faults: DiskFaults) {
    this.path = path;
    this.#faults = faults;
  }

  get files(): ReadonlyMap<string, Inode> {
    return this.#names;
  }

  get hasUnsyncedData(): boolean {
    return [...this.#names.values()].some((inode) => inode.hasUnsyncedData);
  }

  /** @returns was a write torn */
  powerLost(chance: (probability: number) => boolean, int: (bound: number) => number): boolean {
    const kept = this.#unsynced.length === 0 ? 0 : int(this.#unsynced.length + 1);
    for (const change of this.#unsynced.splice(0).slice(0, kept)) change(this.#durableNames);
    let isTorn = false;
    for (const inode of new Set(this.#durableNames.values())) isTorn = inode.powerLost(chance, int) || isTorn;
    this.#names = new Map(this.#durableNames);
    return isTorn;
  }

  /** A copy on which nothing fails and nothing takes time. @param view `seen` by programs, or `durable` now */
  copy(view: "seen" | "durable"): WalDisk {
    const names = view === "seen" ? this.#names : this.#durableNames;
    const copies = [...names].map(([name, inode]): [string, Inode] => {
      return [name, new Inode(view === "seen" ? inode.content : inode.durableContent)];
    });
    return diskOver(this.path, new Map(copies));
  }

  /** The directory as `process` uses it. */
  openedBy(process: SimProcess): WalDisk {
    const perform = async <T>(name: string, run: () => T): Promise<T> => {
      if (!process.crashPoint(`before ${name}`)) return never();
      await process.wait(this.#faults.metadataDelayMs());
      const result = run();
      return process.crashPoint(`after ${name}`) ? result : never();
    };
    return {
      directory: this.path,
      makeDirectory: () => perform("makeDirectory", () => undefined),
      list: () => perform("list", () => [...this.#names.keys()]),
      open: (name, mode) =>
        perform(`open ${name}`, () => {
          if (mode === "create") this.#faults.requireSpace();
          const inode = inodeFor(this.#names, name, mode);
          if (mode === "create") this.#change((names) => names.set(name, inode));
          return new SimFile(inode, process, this.#faults);
        }),
      rename: (from, to) => perform(`rename ${from}`, () => this.#change((names) => rename(names, from, to))),
      remove: (name) => perform(`remove ${name}`, () => this.#change((names) => names.delete(name))),
      syncDirectory: async () => {
        if (!process.crashPoint("before directory sync")) return never();
        const count = this.#unsynced.length;
        await process.wait(this.#faults.syncDelayMs());
        for (const change of this.#unsynced.splice(0, count)) change(this.#durableNames);
        return process.crashPoint("after directory sync") ? undefined : never();
      },
    };
  }

  #change(change: NameChange): void {
    change(this.#names);
    this.#unsynced.push(change);
  }
}

function inodeFor(names: ReadonlyMap<string, Inode>, name: string, mode: string): Inode {
  const known = names.get(name);
  if (mode === "create") {
    if (known !== undefined) throw systemError("EEXIST");
    return new Inode();
  }
  if (known === undefined) throw systemError("ENOENT");
  return known;
}

function rename(names: Map<string, Inode>, from: string, to: string): void {
  const inode = names.get(from);
  if (inode === undefined) throw systemError("ENOENT");
  names.delete(from);
  names.set(to, inode);
}

function diskOver(directory: string, names: Map<string, Inode>): WalDisk {
  const file = (inode: Inode): WalFile => ({
    sizeBytes: async () => inode.content.length,
    read: async () => inode.content.slice(),
    write: async (bytes, position) => inode.change({ kind: "write", position, bytes: bytes.slice(), isZero: false }),
    truncate: async (sizeBytes) => inode.change({ kind: "truncate", sizeBytes }),
    fdatasync: async () => undefined,
    close: async () => undefined,
  });
  return {
    directory,
    makeDirectory: async () => undefined,
    list: async () => [...names.keys()],
    open: async (name, mode) => {
      const inode = inodeFor(names, name, mode);
      names.set(name, inode);
      return file(inode);
    },
    rename: async (from, to) => rename(names, from, to),
    remove: async (name) => void names.delete(name),
    syncDirectory: async () => undefined,
  };
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
