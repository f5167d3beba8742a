import { close, constants, fdatasync, fstat, ftruncate, open, read, write, writeSync } from "node:fs";
import { mkdir, open as openHandle, readdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { WalDisk, WalFile } from "./disk.ts";

/** Up to this size a write goes to the page cache within the call: a hop to another thread would cost more. */
const inlineWriteBytesMax = 128 * 1024;

const openFlags = {
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  update: constants.O_RDWR,
  read: constants.O_RDONLY,
} as const;

const closeAsync = promisify(close);
const openAsync = promisify(open);
const fstatAsync = promisify(fstat);
const ftruncateAsync = promisify(ftruncate);
const readAsync = promisify(read);
const writeAsync = promisify(write);

/** The real file system. `fdatasync` runs on libuv's threads, so the caller's loop goes on meanwhile. */
export function nodeWalDisk(directory: string): WalDisk {
  return {
    directory,
    makeDirectory: async () => {
      await mkdir(directory, { recursive: true });
      await syncDirectoryAt(dirname(directory));
    },
    list: async () => {
      try {
        return await readdir(directory);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    },
    open: async (name, mode) => {
      return nodeWalFile(await openAsync(join(directory, name), openFlags[mode], 0o600));
    },
    rename: (from, to) => rename(join(directory, from), join(directory, to)),
    remove: (name) => unlink(join(directory, name)),
    syncDirectory: () => syncDirectoryAt(directory),
  };
}

function nodeWalFile(fd: number): WalFile {
  return {
    sizeBytes: async () => (await fstatAsync(fd)).size,
    read: async () => {
      const content = new Uint8Array((await fstatAsync(fd)).size);
      let filled = 0;
      while (filled < content.length) {
        const { bytesRead } = await readAsync(fd, content, filled, content.length - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return content.subarray(0, filled);
    },
    write: async (bytes, position) => {
      let written = 0;
      while (written < bytes.length) {
        const rest = bytes.length - written;
        written +=
          bytes.length <= inlineWriteBytesMax
            ? writeSync(fd, bytes, written, rest, position + written)
            : (await writeAsync(fd, bytes, written, rest, position + written)).bytesWritten;
      }
    },
    truncate: (sizeBytes) => ftruncateAsync(fd, sizeBytes),
    fdatasync: () =>
      new Promise((resolve, reject) => {
        fdatasync(fd, (error) => {
          if (error === null || error === undefined) resolve();
          else reject(error);
        });
      }),
    close: () => closeAsync(fd),
  };
}

async function syncDirectoryAt(path: string): Promise<void> {
  const handle = await openHandle(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
