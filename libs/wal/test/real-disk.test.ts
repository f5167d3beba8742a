import t from "tap";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeWalDisk, openWal, WalError } from "../src/index.ts";
import { create, entries, metadata, replayOf, segmentFiles, tempDir } from "./support.ts";

// File systems that really are full or read-only: small ones in memory, mounted for the test.

const skip = process.getuid?.() === 0 && process.platform === "linux" ? false : "needs root to mount file systems";

type Tap = Parameters<typeof tempDir>[0];

/** A file system of its own; gone after the test. */
function mounted(t: Tap, sizeKib: number): string | undefined {
  const dir = tempDir(t);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeKib}k`, "tmpfs", dir], { stdio: "pipe" });
  } catch {
    return undefined; // root without the right to mount, as in some containers
  }
  t.teardown(() => execFileSync("umount", ["-l", dir]));
  return dir;
}

t.test("a full disk: refused with the file and what to do; what was acknowledged is there", { skip }, async (t) => {
  const mount = mounted(t, 1024);
  if (mount === undefined) return t.comment("this machine does not let root mount");
  const dir = join(mount, "wal");
  const ballast = join(mount, "ballast");
  writeFileSync(ballast, new Uint8Array(256 * 1024));
  const wal = await create(dir, 64 * 1024 * 1024);
  let acknowledged = 3;
  let error: unknown;
  while (error === undefined && acknowledged < 3_000) {
    const batch = entries(acknowledged + 1, acknowledged + 10, 2, 3_000);
    error = await wal.append({ entries: batch, sync: true }).then(
      () => void (acknowledged += 10),
      (caught: unknown) => caught,
    );
  }
  t.match(error, { name: "WalError", failure: "io", cause: { code: "ENOSPC" } });
  const message = error instanceof WalError ? error.message : "";
  t.match(message, segmentFiles(dir)[0]);
  t.match(message, /at byte \d+: ENOSPC\. The disk is full: free space, then start the member again\./);
  t.match(message, "The process must stop");
  await t.rejects(wal.append({ entries: entries(4, 4), sync: true }), { name: "WalError", failure: "poisoned" });
  await wal.close();
  rmSync(ballast);
  const replay = await replayOf(dir);
  t.ok((replay.entries.at(-1)?.index ?? 0) >= acknowledged, "nothing that was acknowledged is lost");
  const again = await openWal({ disk: nodeWalDisk(dir), metadata });
  await again.wal.append({ entries: entries(acknowledged + 1, acknowledged + 1), sync: true });
  await again.wal.close();
});

t.test("a read-only file system: opening says so and changes nothing", { skip }, async (t) => {
  const mount = mounted(t, 4096);
  if (mount === undefined) return t.comment("this machine does not let root mount");
  const dir = join(mount, "wal");
  const wal = await create(dir);
  await wal.append({ entries: entries(4, 20), sync: true });
  await wal.close();
  const before = statSync(segmentFiles(dir)[0] as string).mtimeMs;
  mkdirSync(join(mount, "new"));
  execFileSync("mount", ["-o", "remount,ro", mount]);
  await t.rejects(openWal({ disk: nodeWalDisk(dir), metadata }), {
    name: "WalError",
    failure: "io",
    file: dir,
    message: /EROFS\. The file system is read-only: see the kernel log/,
    cause: { code: "EROFS" },
  });
  await t.rejects(create(join(mount, "new")), { name: "WalError", failure: "io", message: /EROFS/ });
  t.equal(statSync(segmentFiles(dir)[0] as string).mtimeMs, before);
  execFileSync("mount", ["-o", "remount,rw", mount]);
  t.equal((await replayOf(dir)).entries.length, 17, "writable again, it goes on");
});
