/**
 * The members' disks, as the power finds them when it goes: one ext4 image per member, whose own page cache is what is
 * lost, because the image file only has what that file system wrote to its device.
 *
 * The images lie on an outer ext4, also an image. Freezing the outer one holds every write to the images at one moment,
 * so that the copies are of one moment too; the inner caches are not written out by it. Copies go to a second outer
 * file system, from which the next life starts: a mount replays the journal, as after a real power cut.
 *
 * Needs root and a mount namespace of its own: when the last process in it ends, however it ends, the kernel unmounts
 * all of this and frees the loop devices.
 */
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasCommand, runCommand, tryCommand } from "@triarch/machine";

const imageBytes = 256 * 1024 * 1024;
const outerBytes = 1024 * 1024 * 1024;
/** `e2fsck`: up to here all is well, or was mended as a mount would. */
const fsckCodeMax = 1;

/**
 * A child of a session of its own, so that it thaws also when the test is killed: a frozen file system that nobody
 * thaws would keep its loop device for ever.
 */
const copyFrozen = `trap 'fsfreeze --unfreeze "$1"' EXIT
fsfreeze --freeze "$1" || exit 1
for image in "$1"/*.img; do cp --sparse=always "$image" "$2/" || exit 1; done`;

/** @returns why the power-loss test cannot run here; false if it can */
export async function needsLoopDisks(): Promise<string | false> {
  if (process.platform !== "linux") return `loop devices need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "loop devices need root";
  for (const name of ["mkfs.ext4", "e2fsck", "losetup", "fsfreeze", "unshare", "setsid"]) {
    if (!(await hasCommand(name))) return `there is no ${name}`;
  }
  const probe = await tryCommand("unshare", ["--mount", "losetup", "--find"]);
  return probe.exitCode === 0 ? false : `no loop device can be had: ${probe.stderr.trim()}`;
}

export class Disks {
  /** Where each member's disk is mounted. */
  readonly mountPoints: readonly string[];
  readonly #folder: string;
  #current: "a" | "b" = "a";

  private constructor(folder: string, count: number) {
    this.#folder = folder;
    this.mountPoints = Array.from({ length: count }, (_, i) => join(folder, `m${i + 1}`));
  }

  /** @param folder exists and is empty */
  static async create(folder: string, count: number): Promise<Disks> {
    const disks = new Disks(folder, count);
    for (const name of ["a", "b"]) {
      await makeFileSystem(join(folder, `${name}.outer`), outerBytes);
      await mkdir(join(folder, name));
      await runCommand("mount", ["-o", "loop", join(folder, `${name}.outer`), join(folder, name)]);
    }
    for (const path of disks.mountPoints) await mkdir(path);
    return disks;
  }

  /** New, empty file systems; the old ones are gone. They are mounted. */
  async format(): Promise<void> {
    await this.#unmount();
    for (const image of this.#images(this.#current)) {
      await rm(image, { force: true });
      await makeFileSystem(image, imageBytes);
    }
    await this.#mount();
  }

  /** From here on nothing that members do reaches the disks of their next life. */
  async cutPower(): Promise<void> {
    for (const image of this.#images(this.#other)) await rm(image, { force: true });
    const folders = [join(this.#folder, this.#current), join(this.#folder, this.#other)];
    await runCommand("setsid", ["--wait", "sh", "-c", copyFrozen, "sh", ...folders]);
  }

  /** To be called when no process uses the disks any more. Mounts what `cutPower` found. */
  async restorePower(): Promise<void> {
    await this.#unmount();
    this.#current = this.#other;
    for (const image of this.#images(this.#current)) {
      // The copy is of one moment, or this finds what a journal does not explain.
      const { exitCode, stdout } = await tryCommand("e2fsck", ["-p", "-f", image]);
      if (exitCode > fsckCodeMax) throw new Error(`${image} is not what a power cut leaves: ${stdout}`);
    }
    await this.#mount();
  }

  async close(): Promise<void> {
    await this.#unmount();
    for (const name of ["a", "b"]) await tryCommand("umount", [join(this.#folder, name)]);
  }

  get #other(): "a" | "b" {
    return this.#current === "a" ? "b" : "a";
  }

  async #mount(): Promise<void> {
    const images = this.#images(this.#current);
    for (const [i, path] of this.mountPoints.entries()) {
      await runCommand("mount", ["-o", "loop", images[i] as string, path]);
    }
  }

  async #unmount(): Promise<void> {
    for (const path of this.mountPoints) await tryCommand("umount", [path]);
  }

  #images(outer: "a" | "b"): string[] {
    return this.mountPoints.map((_, i) => join(this.#folder, outer, `m${i + 1}.img`));
  }
}

async function makeFileSystem(image: string, sizeBytes: number): Promise<void> {
  await writeFile(image, "");
  await truncate(image, sizeBytes);
  await runCommand("mkfs.ext4", ["-q", "-F", "-m", "0", image]);
}
