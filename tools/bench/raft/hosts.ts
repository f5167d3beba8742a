// Places for three members: network namespaces with a bridge between them, where a partition is a bridge port that
// forwards nothing; or just loopback, where there is no root and no partition.
import { runCommand, tryCommand } from "@triarch/machine";

export interface BenchHosts {
  readonly addresses: readonly string[];
  /** Command line that runs `command` on host `at`. */
  onHost(at: number, command: readonly string[]): readonly string[];
  /** Absent where links cannot be cut. */
  readonly cut?: (at: number, cut: boolean) => Promise<void>;
  close(): Promise<void>;
}

const loopback: BenchHosts = {
  addresses: ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
  onHost: (_at, command) => command,
  close: () => Promise.resolve(),
};

const linkDisabled = "0";
const linkForwarding = "3";

/** @param name short and unused: names of links have at most 15 characters */
export async function openHosts(name: string, subnet: string): Promise<BenchHosts> {
  if (process.getuid?.() !== 0 || (await tryCommand("bridge", ["link"])).exitCode !== 0) return loopback;
  const ip = (...args: string[]): Promise<unknown> => runCommand("ip", args, { timeoutMs: 10_000 });
  const bridge = `${name}br`;
  const hosts = [0, 1, 2].map((at) => ({ at, ns: `${name}${at}`, outer: `${name}v${at}` }));
  const addresses = hosts.map(({ at }) => `${subnet}.${at + 2}`);
  const close = async (): Promise<void> => {
    // The links by themselves too: with their namespace they would go some time later.
    for (const { ns, outer } of hosts) {
      await tryCommand("ip", ["link", "del", outer]);
      await tryCommand("ip", ["netns", "del", ns]);
    }
    await tryCommand("ip", ["link", "del", bridge]);
  };
  await close();
  try {
    await ip("link", "add", bridge, "type", "bridge");
    await ip("addr", "add", `${subnet}.1/24`, "dev", bridge);
    await ip("link", "set", bridge, "up");
    for (const { at, ns, outer } of hosts) {
      await ip("netns", "add", ns);
      await ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", ns);
      await ip("link", "set", outer, "master", bridge, "up");
      await ip("-n", ns, "addr", "add", `${addresses[at] ?? ""}/24`, "dev", "eth0");
      await ip("-n", ns, "link", "set", "eth0", "up");
      await ip("-n", ns, "link", "set", "lo", "up");
    }
    // A bridge between namespaces must not be filtered by the host's rules for forwarded packets.
    await tryCommand("iptables", ["-I", "FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses,
    onHost: (at, command) => ["ip", "netns", "exec", `${name}${at}`, ...command],
    async cut(at, cut) {
      const state = cut ? linkDisabled : linkForwarding;
      await runCommand("bridge", ["link", "set", "dev", `${name}v${at}`, "state", state]);
    },
    async close() {
      await tryCommand("iptables", ["-D", "FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"]);
      await close();
    },
  };
}
