// A process that is killed between a write and its sync leaves bytes that its successor reads and a power cut still takes.
import t from "tap";
import { nodeWalDisk, openWal } from "../src/index.ts";
import type { WalDisk, WalFile } from "../src/index.ts";
import { create, entries, metadata, tempDir } from "./support.ts";

interface RecordingDisk {
  readonly disk: WalDisk;
  /** Names of files that were written or made and not synced since; "." for names. */
  readonly unsynced: Set<string>;
  killsAtSync: boolean;
  readonly killed: Promise<void>;
}

function recordingDisk(dir: string): RecordingDisk {
  const real = nodeWalDisk(dir);
  const unsynced = new Set<string>();
  const killed = Promise.withResolvers<void>();
  const wrap = (name: string, file: WalFile): WalFile => ({
    ...file,
    write: (bytes, position) => {
      if (bytes.some((byte) => byte !== 0)) unsynced.add(name);
      return file.write(bytes, position);
    },
    fdatasync: () => {
      if (recording.killsAtSync) {
        killed.resolve();
        return new Promise(() => undefined);
      }
      unsynced.delete(name);
      return file.fdatasync();
    },
  });
  const disk: WalDisk = {
    ...real,
    open: async (name, mode) => wrap(name.replace(".tmp", ""), await real.open(name, mode)),
    rename: (from, to) => {
      unsynced.add(".");
      return real.rename(from, to);
    },
    syncDirectory: () => {
      unsynced.delete(".");
      return real.syncDirectory();
    },
  };
  const recording = { disk, unsynced, killsAtSync: false, killed: killed.promise };
  return recording;
}

t.test("what an earlier process wrote and did not sync is synced before it is told of", async (t) => {
  const dir = tempDir(t);
  const recording = recordingDisk(dir);
  const { disk, unsynced } = recording;
  const killed = await create(dir, 1 << 20, disk);
  await killed.append({ entries: entries(4, 5), sync: true });
  t.strictSame([...unsynced], []);
  recording.killsAtSync = true;
  void killed.append({ entries: entries(6, 7), sync: true });
  await recording.killed;
  unsynced.add("."); // as after a kill between the rename of a new segment and the directory's sync
  t.equal(unsynced.size, 2, "the batch waits for its sync");

  recording.killsAtSync = false;
  const { wal, replay } = await openWal({ disk, metadata });
  t.equal(replay.entries.at(-1)?.index, 7, "the successor sees the batch");
  t.strictSame([...unsynced], [], "and has synced it, and the names");
  await wal.close();
});
