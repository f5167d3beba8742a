// A network of its own for three members: each in a network namespace, a switch in another, all made and taken down here.
// The switch is not in the machine's own namespace, whose packet filter (Docker's) would have a say in what passes.
//
//   machine 10.211.N.254 ── veth ──┐
//   m1      10.211.N.1   ── veth ──┤ bridge in namespace NAME-hub
//   m2 ...                       ──┘
import { existsSync } from "node:fs";
import { runCommand, tryCommand } from "@triarch/machine";

/** Runs at the same time get networks of their own. */
const subnet = `10.211.${process.pid % 256}`;
const machineAddress = `${subnet}.254`;
const namePrefix = "trc";

export type Direction = "both" | "toMember" | "fromMember";

export interface ChaosNetwork {
  addressOf(member: number): string;
  /** What has to stand before a command for it to run at that member's place. */
  prefixOf(member: number): readonly string[];
  /** Cuts a member off from the other members; the machine's clients still reach it. */
  cut(member: number, direction: Direction): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** False, or why namespaces cannot be made here. */
export async function needsNamespaces(): Promise<string | false> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need Linux and root";
  const name = `trc-try-${process.pid}`;
  const made = await tryCommand("ip", ["netns", "add", name]);
  if (made.exitCode !== 0) return `no network namespaces here: ${made.stderr.trim()}`;
  const filter = await tryCommand("ip", ["netns", "exec", name, "iptables", "-w", "-L", "INPUT"]);
  await tryCommand("ip", ["netns", "del", name]);
  return filter.exitCode === 0 ? false : "no iptables in network namespaces";
}

/** Namespaces of runs that were killed before they could take them down. */
async function removeLeftOvers(): Promise<void> {
  const { stdout } = await tryCommand("ip", ["netns", "list"]);
  for (const line of stdout.split("\n")) {
    const [space = ""] = line.split(" ");
    const owner = /^trc([0-9a-z]+)-/.exec(space)?.[1];
    if (owner === undefined || existsSync(`/proc/${parseInt(owner, 36)}`)) continue;
    await tryCommand("ip", ["netns", "del", space]);
  }
}

export async function makeNetwork(members: number): Promise<ChaosNetwork> {
  await removeLeftOvers();
  const name = `${namePrefix}${process.pid.toString(36)}`;
  const hub = `${name}-hub`;
  const spaceOf = (member: number): string => `${name}-m${member + 1}`;
  const all = Array.from({ length: members }, (_, member) => member);
  const ip = (...args: readonly string[]): Promise<unknown> => runCommand("ip", args);
  const network: ChaosNetwork = {
    addressOf: (member) => `${subnet}.${member + 1}`,
    prefixOf: (member) => ["ip", "netns", "exec", spaceOf(member)],
    cut: async (member, direction) => {
      for (const other of all.filter((one) => one !== member)) {
        const drop = (chain: string, side: string): Promise<unknown> =>
          runCommand("ip", [
            ...["netns", "exec", spaceOf(member), "iptables", "-w"],
            ...["-A", chain, side, network.addressOf(other), "-j", "DROP"],
          ]);
        if (direction !== "fromMember") await drop("INPUT", "-s");
        if (direction !== "toMember") await drop("OUTPUT", "-d");
      }
    },
    heal: async () => {
      for (const member of all) await ip("netns", "exec", spaceOf(member), "iptables", "-w", "-F");
    },
    close: async () => {
      // A namespace takes its links with it, and a link its other end.
      for (const space of [...all.map(spaceOf), hub]) await tryCommand("ip", ["netns", "del", space]);
      await tryCommand("ip", ["link", "del", `${name}h`]);
    },
  };
  try {
    await ip("netns", "add", hub);
    await ip("-n", hub, "link", "add", "bridge", "type", "bridge");
    await ip("-n", hub, "link", "set", "bridge", "up");
    await ip("link", "add", `${name}h`, "type", "veth", "peer", "name", "machine", "netns", hub);
    await ip("-n", hub, "link", "set", "machine", "master", "bridge", "up");
    await ip("addr", "add", `${machineAddress}/24`, "dev", `${name}h`);
    await ip("link", "set", `${name}h`, "up");
    for (const member of all) {
      const space = spaceOf(member);
      await ip("netns", "add", space);
      await ip("-n", hub, "link", "add", `m${member + 1}`, "type", "veth", "peer", "name", "eth0", "netns", space);
      await ip("-n", hub, "link", "set", `m${member + 1}`, "master", "bridge", "up");
      await ip("-n", space, "addr", "add", `${network.addressOf(member)}/24`, "dev", "eth0");
      await ip("-n", space, "link", "set", "eth0", "up");
      await ip("-n", space, "link", "set", "lo", "up");
    }
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}
