/** Makes things go wrong, one after the other, as the plan says; and puts everything right in the end. */
import { calmTraffic } from "../world/network.ts";
import type { Cluster } from "./cluster.ts";
import type { Member } from "./member.ts";
import type { Operator } from "./operator.ts";
import type { FaultName, RunPlan } from "./plan.ts";

export class Faults {
  readonly #cluster: Cluster;
  readonly #operator: Operator;
  readonly #plan: RunPlan;
  #isOver = false;

  constructor(cluster: Cluster, operator: Operator, plan: RunPlan) {
    this.#cluster = cluster;
    this.#operator = operator;
    this.#plan = plan;
  }

  /** Goes on until `heal`. */
  begin(): void {
    const { world } = this.#cluster;
    world.after(world.between(0, 2 * this.#plan.faultEveryMs), () => {
      if (this.#isOver) return;
      const name = world.pick(this.#plan.faults);
      if (name !== undefined) this.#happen(name);
      this.begin();
    });
  }

  /** No faults any more; everyone runs who can. */
  heal(): void {
    this.#isOver = true;
    this.#cluster.world.trace("healing");
    this.#cluster.network.traffic = { ...calmTraffic };
    this.#cluster.network.heal();
    for (const member of this.#cluster.members.values()) {
      member.disk.heal();
      member.process.crashPointsLeft = Number.POSITIVE_INFINITY;
      member.process.resume();
      if (this.#operator.mayRun(member)) void member.start();
    }
  }

  #happen(name: FaultName): void {
    const { world, running } = { world: this.#cluster.world, running: this.#cluster.running };
    const member = world.pick(running);
    if (member === undefined) return;
    world.trace(`fault ${name} ${member.id.toString()}`);
    switch (name) {
      case "kill":
        return this.#crash(member, "kill");
      case "powerCut":
        return this.#crash(member, "powerCut");
      case "powerCutOfAll":
        return this.#powerCutOfAll();
      case "crashInside":
        return this.#crashInside(member);
      case "pause":
        return this.#pause(member);
      case "gracefulStop":
        return this.#stop(member);
      case "partition":
        return this.#partition();
      case "oneWayPartition":
        return this.#oneWayPartition();
      case "hang":
        return this.#hang(member);
      case "roughTraffic":
        return this.#roughTraffic();
      case "slowDisk":
        return this.#for(
          100,
          3_000,
          () => (member.disk.syncMaxMs = world.between(50, 900)),
          () => {
            member.disk.syncMaxMs = 1;
          },
        );
      case "fullDisk":
        return this.#for(
          500,
          3_000,
          () => (member.disk.isFull = true),
          () => {
            member.disk.isFull = false;
          },
        );
      case "failedSync":
        return this.#failSync(member);
      case "damage":
        return this.#damage(member);
      case "transfer":
        return this.#transfer();
    }
  }

  #crash(member: Member, kind: "kill" | "powerCut"): void {
    member.crash(kind);
    this.#startLater(member);
  }

  #powerCutOfAll(): void {
    this.#cluster.coverage.add("powerCutsOfAll");
    for (const member of this.#cluster.members.values()) this.#crash(member, "powerCut");
  }

  /** At one of the next places where it matters: around writes, syncs, sends, applications. */
  #crashInside(member: Member): void {
    const { world } = this.#cluster;
    member.crashKind = world.chance(0.6) ? "powerCut" : "kill";
    member.process.crashPointsLeft = 1 + world.rng.int(world.chance(0.5) ? 12 : 120);
  }

  #pause(member: Member): void {
    const { process } = member;
    this.#cluster.coverage.add("pauses");
    this.#for(
      50,
      3_000,
      () => process.pause(),
      () => process.resume(),
    );
  }

  #stop(member: Member): void {
    this.#cluster.coverage.add("gracefulStops");
    void member.stop();
  }

  #partition(): void {
    const { world, members, network } = this.#cluster;
    const alone = world.chance(0.4) ? this.#cluster.leader?.id : undefined;
    const sides = [...members.keys()].map((id) => {
      return { id, side: alone === undefined ? world.rng.int(2) : Number(id === alone) };
    });
    this.#cluster.coverage.add("partitionsSymmetric");
    this.#forPaths(() => {
      for (const one of sides) for (const other of sides) if (one.side !== other.side) network.block(one.id, other.id);
    });
  }

  #oneWayPartition(): void {
    const { world, members, network, leader } = this.#cluster;
    this.#cluster.coverage.add("partitionsAsymmetric");
    const ids = [...members.keys()];
    this.#forPaths(() => {
      const one = world.chance(0.4) && leader !== undefined ? leader.id : world.pick(ids);
      for (const other of ids) {
        if (one === undefined || other === one || world.chance(0.3)) continue;
        if (world.chance(0.5)) network.block(one, other);
        else network.block(other, one);
      }
    });
  }

  #hang(member: Member): void {
    const { world, members, network } = this.#cluster;
    this.#cluster.coverage.add("hangingLinks");
    this.#forPaths(() => {
      for (const other of members.keys()) if (other !== member.id && world.chance(0.5)) network.hang(member.id, other);
    });
  }

  #forPaths(begin: () => void): void {
    this.#for(200, 5_000, begin, () => this.#cluster.network.heal());
  }

  #roughTraffic(): void {
    const { world, network } = this.#cluster;
    const begin = (): void => {
      network.traffic = {
        lossRate: world.between(0, 0.3),
        duplicateRate: world.between(0, 0.3),
        reorderRate: world.between(0, 0.5),
        delayMaxMs: world.between(2, 60),
        snapshotAbortRate: world.between(0.1, 0.9),
      };
    };
    this.#for(500, 5_000, begin, () => (network.traffic = { ...calmTraffic }));
  }

  #failSync(member: Member): void {
    if (this.#operator.takeLossOf(member)) member.disk.failsNextSync = true;
  }

  #damage(member: Member): void {
    if (!this.#operator.takeLossOf(member)) return;
    member.crash("kill");
    if (!member.damageLog()) this.#operator.keep(member);
    this.#startLater(member);
  }

  #transfer(): void {
    const { leader, world, coverage } = this.#cluster;
    const to = world.pick(leader?.node?.status().confState.voters ?? []);
    if (leader?.node === undefined || to === undefined || to === leader.id) return;
    leader.node.transferLeadership(to).then(
      () => coverage.add("leadershipTransfers"),
      () => undefined,
    );
  }

  #startLater(member: Member): void {
    this.#operator.startLater(member);
  }

  #for(fromMs: number, toMs: number, begin: () => void, end: () => void): void {
    const { world } = this.#cluster;
    begin();
    world.after(world.between(fromMs, toMs), () => {
      if (!this.#isOver) end();
    });
  }
}
