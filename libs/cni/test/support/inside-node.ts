// Runs inside a network namespace that stands for a node; PODS names namespaces that stand for pods. Prints one JSON line
// per check.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { PodNetwork, type PodNetworkRequest } from "@triarch/cni";
import { runCommand, tryCommand } from "@triarch/machine";

const stateDir = process.env["STATE_DIR"] ?? "";
const [first = "", second = ""] = (process.env["PODS"] ?? "").split(",");
const podCidr = "10.97.5.0/24";

function check(name: string, ok: boolean, detail: unknown = ""): void {
  process.stdout.write(`${JSON.stringify({ name, ok, detail: ok ? "" : detail })}\n`);
}

const request = (netns: string, ports: PodNetworkRequest["portMappings"] = []): PodNetworkRequest => ({
  containerId: `container-${netns}`,
  netns: `/run/netns/${netns}`,
  podNamespace: "default",
  podName: netns,
  portMappings: ports,
});
const inPod = (netns: string, ...command: string[]): ReturnType<typeof tryCommand> =>
  tryCommand("ip", ["netns", "exec", netns, ...command]);

const network = new PodNetwork({ stateDir });
const one = await network.add(podCidr, request(first));
const two = await network.add(podCidr, request(second, [{ hostPort: 18080, containerPort: 8080, protocol: "tcp" }]));
check(
  "pods get different addresses of the network",
  one.startsWith("10.97.5.") && two.startsWith("10.97.5.") && one !== two,
  [one, two],
);
const links = (await inPod(first, "ip", "-o", "addr")).stdout;
check("a pod has eth0 and a loopback that is up", links.includes(`${one}/24`) && links.includes("127.0.0.1/8"), links);
const route = (await inPod(first, "ip", "route")).stdout;
check("the node is its default gateway", route.includes("default via 10.97.5.1"), route);
const ping = await inPod(first, "busybox", "ping", "-c", "1", "-W", "3", two);
check("pods reach each other", ping.exitCode === 0, ping);
const fromNode = await tryCommand("busybox", ["ping", "-c", "1", "-W", "3", one]);
check("the node reaches its pods", fromNode.exitCode === 0, fromNode);
await network.check(`container-${first}`);
check("CHECK finds all as it was made", true);
await inPod(first, "ip", "addr", "flush", "dev", "eth0");
const broken = await network.check(`container-${first}`).then(
  () => "",
  (error: unknown) => String(error),
);
check("CHECK notices an address that is gone", broken.includes("CNI plugin"), broken);
const rules = await runCommand("iptables", ["-t", "nat", "-S"]);
check("a host port leads to the pod", rules.includes(`${two}:8080`) && rules.includes("18080"), rules);
check(
  "another instance knows the addresses",
  (await new PodNetwork({ stateDir }).address(`container-${first}`)) === one,
);
check("no address is known for others", (await network.address("none")) === undefined);

await network.remove(`container-${first}`);
await network.remove(`container-${first}`);
await new PodNetwork({ stateDir }).remove(`container-${second}`);
const after = await runCommand("iptables", ["-t", "nat", "-S"]);
check("rules of host ports go with the pod", !after.includes(two), after);
const kept = (await readdir(join(stateDir, "addresses/triarch"))).filter((name) => name.startsWith("10."));
const results = await readdir(join(stateDir, "results"));
check("addresses are free again and nothing is kept", kept.length === 0 && results.length === 0, [kept, results]);
const veth = await runCommand("ip", ["-o", "link", "show", "type", "veth"]);
check("no interface is left", veth.trim() === "", veth);
const failed = await network.add("10.97.5.0/33", request(first)).then(
  () => "",
  (error: unknown) => String(error),
);
const leftover = await readdir(join(stateDir, "results"));
check("a failed ADD leaves nothing", failed.includes("CNI plugin bridge ADD") && leftover.length === 0, [
  failed,
  leftover,
]);
