// What is done to the members, one fault at a time, each healed before the next.
import type { Rng } from "@triarch/base";
import type { ChaosCluster } from "./cluster.ts";
import type { ChaosNetwork, Direction } from "./network.ts";

export interface Fault {
  readonly kind: string;
  readonly start: () => Promise<void>;
  readonly heal: () => Promise<void>;
}

export interface FaultContext {
  readonly cluster: ChaosCluster;
  readonly network: ChaosNetwork | undefined;
  readonly smallDisks: boolean;
  readonly rng: Rng;
}

/** All that this machine allows, each made anew for the member that it hits. */
export function faultMakers(context: FaultContext): readonly (() => Promise<Fault>)[] {
  const { cluster, network, smallDisks, rng } = context;
  const leader = async (): Promise<number> => (await cluster.findLeader()) ?? rng.int(cluster.all.length);
  const anyone = async (): Promise<number> => rng.int(cluster.all.length);
  const kill = (kind: string, pick: () => Promise<number>) => async (): Promise<Fault> => {
    const member = await pick();
    return { kind, start: () => cluster.kill(member), heal: () => cluster.startMember(member) };
  };
  const pause = (kind: string, pick: () => Promise<number>) => async (): Promise<Fault> => {
    const member = await pick();
    return { kind, start: async () => cluster.pause(member), heal: async () => cluster.resume(member) };
  };
  const killAll = async (): Promise<Fault> => ({
    kind: "all killed",
    start: async () => void (await Promise.all(cluster.all.map((member) => cluster.kill(member)))),
    heal: async () => void (await Promise.all(cluster.all.map((member) => cluster.startMember(member)))),
  });
  const makers = [
    kill("leader killed", leader),
    kill("member killed", anyone),
    killAll,
    pause("leader paused", leader),
    pause("member paused", anyone),
  ];
  if (network !== undefined) makers.push(...partitions(network, leader, anyone));
  if (smallDisks) makers.push(fullDisk(cluster, leader));
  return makers;
}

function partitions(
  network: ChaosNetwork,
  leader: () => Promise<number>,
  anyone: () => Promise<number>,
): (() => Promise<Fault>)[] {
  const cut = (kind: string, pick: () => Promise<number>, direction: Direction) => async (): Promise<Fault> => {
    const member = await pick();
    return { kind, start: () => network.cut(member, direction), heal: () => network.heal() };
  };
  return [
    cut("leader cut off", leader, "both"),
    cut("member cut off", anyone, "both"),
    cut("leader hears nobody", leader, "toMember"),
    cut("leader heard by nobody", leader, "fromMember"),
  ];
}

/** A member whose disk is full ends; it comes back when there is room. */
function fullDisk(cluster: ChaosCluster, pick: () => Promise<number>): () => Promise<Fault> {
  return async () => {
    const member = await pick();
    return {
      kind: "disk full",
      start: () => cluster.fillDisk(member),
      heal: async () => {
        await cluster.freeDisk(member);
        await cluster.startMember(member);
      },
    };
  };
}
