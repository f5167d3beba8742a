import { mkdir, mkdtemp, rm, symlink, copyFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createReadStream } from "node:fs";
import type Docker from "dockerode";
import { runCommand } from "./command.ts";

/** The image that the example and the pause containers use; made on the machine, no registry is needed. */
export const localImage = "triarch/busybox:local";

const busybox = "/bin/busybox";

/**
 * Builds `triarch/busybox:local` from the static busybox of the machine, unless it exists: `/bin/busybox`, its applets as
 * links, and the few folders and files that programs expect.
 * @returns true when it was built now
 */
export async function ensureLocalImage(docker: Docker, tag = localImage): Promise<boolean> {
  const found = await docker.listImages({ filters: { reference: [tag] } });
  if (found.length > 0) return false;
  const folder = await mkdtemp(join(tmpdir(), "triarch-image-"));
  try {
    const root = join(folder, "root");
    for (const name of ["bin", "etc", "tmp", "proc", "sys", "dev", "root", "var", "usr", "www"]) {
      await mkdir(join(root, name), { recursive: true });
    }
    await copyFile(busybox, join(root, "bin/busybox"));
    const applets = (await runCommand(busybox, ["--list"]))
      .split("\n")
      .filter((name) => name !== "" && name !== "busybox");
    for (const name of applets) await symlink("busybox", join(root, "bin", name));
    await writeFile(
      join(root, "etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    );
    await writeFile(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    const tar = join(folder, "image.tar");
    await runCommand("tar", ["--owner=0", "--group=0", "--numeric-owner", "-C", root, "-cf", tar, "."]);
    const [repository = tag, version = "latest"] = tag.split(":");
    const stream = await docker.importImage(createReadStream(tar), {
      repo: repository,
      tag: version,
      changes: 'CMD ["/bin/sh"]\nENV PATH=/bin',
    });
    for await (const _ of stream as unknown as AsyncIterable<unknown>);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
