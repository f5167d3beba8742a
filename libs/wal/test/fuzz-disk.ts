import type { WalDisk, WalFile } from "../src/index.ts";

/** Contents of files by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

interface Inode {
  content: Uint8Array;
}

/** A directory in memory, for tests that open a log thousands of times. */
export class FuzzDisk implements WalDisk {
  readonly directory = "/fuzz";
  readonly #inodes: Map<string, Inode>;

  /** @param files copied */
  constructor(files: Files = new Map()) {
    this.#inodes = new Map([...files].map(([name, content]) => [name, { content: content.slice() }]));
  }

  /** As they are now; not to be changed. */
  get files(): Files {
    return new Map([...this.#inodes].map(([name, { content }]) => [name, content]));
  }

  async makeDirectory(): Promise<void> {}

  async syncDirectory(): Promise<void> {}

  async list(): Promise<string[]> {
    return [...this.#inodes.keys()];
  }

  async open(name: string, mode: "create" | "update" | "read"): Promise<WalFile> {
    if (mode === "create") this.#inodes.set(name, { content: new Uint8Array(0) });
    return fileOf(this.#inode(name));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#inodes.set(to, this.#inode(from));
    this.#inodes.delete(from);
  }

  async remove(name: string): Promise<void> {
    this.#inodes.delete(name);
  }

  #inode(name: string): Inode {
    const inode = this.#inodes.get(name);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: "ENOENT" });
    return inode;
  }
}

function fileOf(inode: Inode): WalFile {
  const resize = (sizeBytes: number): void => {
    const { content } = inode;
    inode.content = new Uint8Array(sizeBytes);
    inode.content.set(content.subarray(0, sizeBytes));
  };
  return {
    sizeBytes: async () => inode.content.length,
    read: async () => inode.content.slice(),
    write: async (bytes, position) => {
      if (position + bytes.length > inode.content.length) resize(position + bytes.length);
      inode.content.set(bytes, position);
    },
    truncate: async (sizeBytes) => resize(sizeBytes),
    fdatasync: async () => undefined,
    close: async () => undefined,
  };
}
