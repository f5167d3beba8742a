// Plans rules for the objects of recorded scenarios and compares them with what a real kube-proxy had in the kernel.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import t from "tap";
import type { EndpointSlice, ObjectMeta, Service } from "@triarch/api";
import { planRules, type IpFamily, type LocalDetector, type RulesConfig, type TablePlan } from "@triarch/service-rules";

const recorded = new URL("../../../../shared/kubernetes/recorded/proxy.jsonl", import.meta.url);
const present = existsSync(recorded) ? {} : { skip: "the recorded rules of a real kube-proxy are not there" };

interface Kubernetes {
  readonly kind: string;
  readonly metadata: ObjectMeta;
}
interface Step {
  readonly objects: readonly Kubernetes[];
  readonly removed: readonly { readonly kind: string; readonly namespace: string; readonly name: string }[];
  readonly nat?: readonly string[];
  readonly filter?: readonly string[];
  readonly nat6?: readonly string[];
  readonly filter6?: readonly string[];
}
interface Scenario {
  readonly name: string;
  readonly flags: readonly string[];
  readonly node: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly addresses: readonly { address: string }[];
    readonly podCIDRs: readonly string[];
  };
  readonly steps: readonly Step[];
}

function configOf(scenario: Scenario, family: IpFamily, labels: Readonly<Record<string, string>>): RulesConfig {
  const flags = new Map(
    scenario.flags.map((flag) => flag.replace(/^--/, "").split("=") as [string, string | undefined]),
  );
  const ofFamily = (ip: string): boolean => ip.includes(":") === (family === "IPv6");
  const list = (name: string): string[] =>
    (flags.get(name) ?? "").split(",").filter((one) => one !== "" && ofFamily(one));
  const nodeIps = scenario.node.addresses.map((one) => one.address).filter(ofFamily);
  const cidr =
    flags.get("detect-local-mode") === "NodeCIDR" ? scenario.node.podCIDRs.find(ofFamily) : list("cluster-cidr")[0];
  const prefix = flags.get("pod-interface-name-prefix");
  const detector: LocalDetector =
    prefix !== undefined
      ? { kind: "interfacePrefix", prefix }
      : cidr !== undefined
        ? { kind: "cidr", cidr }
        : { kind: "none" };
  const addresses = list("nodeport-addresses");
  return {
    family,
    nodeName: scenario.node.name,
    zone: labels["topology.kubernetes.io/zone"],
    nodeIps,
    detector,
    masqueradeAll: flags.has("masquerade-all"),
    masqueradeBit: Number(flags.get("iptables-masquerade-bit") ?? 14),
    localhostNodePorts: flags.get("iptables-localhost-nodeports") !== "false",
    nodePortAddresses: addresses.length > 0 && family === "IPv4" ? [...nodeIps, "127.0.0.1"].sort() : [],
    accounting: true,
  };
}

/** Sorted per chain, as the recording is: rules in order, chains by name, without what belongs to the process. */
function picture(plan: TablePlan): string[] {
  const order = new Map<string, string[]>();
  for (const line of plan.rules) {
    const chain = line.split(" ")[1] ?? "";
    order.set(chain, [...(order.get(chain) ?? []), line]);
  }
  return [
    ...plan.chains.map((chain) => `:${chain} - [0:0]`),
    ...[...order.keys()].sort().flatMap((chain) => order.get(chain) ?? []),
  ];
}

function theirs(lines: readonly string[]): string[] {
  const ours = lines.filter(
    (line) => !/KUBE-PROXY-CANARY|KUBE-KUBELET-CANARY|^-A (OUTPUT|INPUT|FORWARD|PREROUTING|POSTROUTING) /.test(line),
  );
  const chains = ours.filter((line) => line.startsWith(":")).sort();
  const rules = ours.filter((line) => line.startsWith("-A"));
  return [...chains, ...rules];
}

t.test("the rules of recorded scenarios", present, async (t) => {
  const scenarios = readFileSync(recorded, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Scenario);
  let compared = 0;
  // The last step of "cleanup" records what a clean-up leaves: nothing that objects ask for.
  for (const scenario of scenarios) {
    const objects = new Map<string, Kubernetes>();
    let labels = scenario.node.labels;
    for (const [i, step] of scenario.steps.entries()) {
      for (const { kind, namespace, name } of step.removed) objects.delete(`${kind} ${namespace}/${name}`);
      for (const object of step.objects) {
        if (object.kind === "Node" && object.metadata.name === scenario.node.name)
          labels = object.metadata.labels ?? {};
        objects.set(`${object.kind} ${object.metadata.namespace ?? "default"}/${object.metadata.name}`, object);
      }
      const all = [...objects.values()];
      const state = {
        services: all.filter((one) => one.kind === "Service") as Service[],
        endpointSlices: all.filter((one) => one.kind === "EndpointSlice") as unknown as EndpointSlice[],
      };
      for (const [family, natLines, filterLines] of [
        ["IPv4", step.nat, step.filter],
        ["IPv6", step.nat6, step.filter6],
      ] as const) {
        if (natLines === undefined || filterLines === undefined || (scenario.name === "cleanup" && i === 1)) continue;
        const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
        const plan = planRules(state, configOf(scenario, family, labels), sha256);
        compared += 1;
        t.same(picture(plan.nat), theirs(natLines), `${scenario.name} step ${i} ${family} nat`);
        t.same(picture(plan.filter), theirs(filterLines), `${scenario.name} step ${i} ${family} filter`);
      }
    }
  }
  t.ok(compared > 120, `${compared} tables compared`);
});
