import type { Jump } from "@triarch/iptables";

const newConnections = "-m conntrack --ctstate NEW";

function jump(table: Jump["table"], chain: string, target: string, comment: string, matches = ""): Jump {
  const words = [matches, `-m comment --comment "${comment}"`, `-j ${target}`];
  return { table, chain, rule: words.filter((word) => word !== "").join(" ") };
}

const portals = "kubernetes service portals";
const external = "kubernetes externally-visible service portals";
const firewall = "kubernetes load balancer firewall";

/** From the kernel's chains into ours; in each chain in this order. */
export const jumps: readonly Jump[] = [
  jump("nat", "PREROUTING", "KUBE-SERVICES", portals),
  jump("nat", "OUTPUT", "KUBE-SERVICES", portals),
  jump("nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
  { table: "filter", chain: "INPUT", rule: "-j KUBE-FIREWALL" },
  jump("filter", "INPUT", "KUBE-PROXY-FIREWALL", firewall, newConnections),
  jump("filter", "INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports"),
  jump("filter", "INPUT", "KUBE-EXTERNAL-SERVICES", external, newConnections),
  jump("filter", "FORWARD", "KUBE-PROXY-FIREWALL", firewall, newConnections),
  jump("filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
  jump("filter", "FORWARD", "KUBE-SERVICES", portals, newConnections),
  jump("filter", "FORWARD", "KUBE-EXTERNAL-SERVICES", external, newConnections),
  { table: "filter", chain: "OUTPUT", rule: "-j KUBE-FIREWALL" },
  jump("filter", "OUTPUT", "KUBE-PROXY-FIREWALL", firewall, newConnections),
  jump("filter", "OUTPUT", "KUBE-SERVICES", portals, newConnections),
];

/** Whether a chain is ours to change and remove. */
export function ownsChain(chain: string): boolean {
  return (
    /^KUBE-(SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}$/.test(chain) ||
    ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"].includes(
      chain,
    ) ||
    ["KUBE-FORWARD", "KUBE-PROXY-FIREWALL", "KUBE-FIREWALL"].includes(chain)
  );
}
