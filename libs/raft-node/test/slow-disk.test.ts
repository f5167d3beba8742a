// A leader's disk that takes its time, or never comes back.
import { join } from "node:path";
import t from "tap";
import { nodeWalDisk, type WalDisk } from "@triarch/wal";
import { proposeAll, TestCluster, until } from "./support.ts";

/** The real file system, whose `fdatasync` can be held up. */
class HeldDisk {
  held = false;
  waiting = 0;
  #release: (() => void)[] = [];

  over(directory: string): WalDisk {
    const disk = nodeWalDisk(directory);
    return {
      ...disk,
      open: async (name, mode) => {
        const file = await disk.open(name, mode);
        return {
          ...file,
          fdatasync: async () => {
            if (this.held) {
              this.waiting += 1;
              await new Promise<void>((resolve) => this.#release.push(resolve));
            }
            return file.fdatasync();
          },
        };
      },
    };
  }

  letGo(): void {
    this.held = false;
    for (const release of this.#release.splice(0)) release();
  }
}

t.test("a leader that waits for its disk is heard; one that waits for too long is replaced", async (t) => {
  const heard = new Map<bigint, number>();
  const disks = new Map([1n, 2n, 3n].map((id) => [id, new HeldDisk()]));
  const cluster = new TestCluster(t, [1n, 2n, 3n]);
  t.teardown(() => disks.forEach((disk) => disk.letGo()));
  for (const member of cluster.members) {
    await cluster.startOne(member, {
      walDisk: (disks.get(member.id) as HeldDisk).over(join(member.dir, "wal")),
      measures: {
        heartbeatDelay: () => heard.set(member.id, (heard.get(member.id) ?? 0) + 1),
        logWrite: () => undefined,
      },
    });
  }
  const leader = await cluster.leader();
  const disk = disks.get(leader.id) as HeldDisk;
  const followers = cluster.members.filter(({ id }) => id !== leader.id);
  const { term } = leader.node.status();

  disk.held = true;
  proposeAll(leader.node, ["held"]);
  await until("the leader waits for its disk", () => disk.waiting > 0);
  const before = new Map(heard);
  const heardMore = (id: bigint): boolean => (heard.get(id) ?? 0) >= (before.get(id) ?? 0) + 4;
  await until("both followers hear it four times meanwhile", () => followers.every(({ id }) => heardMore(id)));
  t.ok(followers.every(({ node }) => node?.status().term === term && node.leader === leader.id));

  await until("another leads", () => followers.some(({ node }) => node?.isLeader === true));
  t.equal(disk.waiting, 1);
  disk.letGo();
  proposeAll((await cluster.leader()).node, ["after"]);
  const last = (): (string | undefined)[] => cluster.members.map(({ machine }) => machine.items.at(-1));
  await until("all go on together", () => last().every((item) => item === "after"));
  // If the disk was waited for because of an earlier write, the first proposal never got into the log.
  const [all] = new Set(cluster.members.map(({ machine }) => machine.items.join()));
  t.match(all, /^(held,)?after$/);
  t.ok(cluster.members.every(({ machine, fatal }) => machine.items.join() === all && fatal.length === 0));
});
