// Services and endpoints to iptables rules: what kube-proxy's iptables mode programs, chain for chain.
import { chainNames, type ChainNames, type Sha256Of } from "./chain-names.ts";
import { containsAddress } from "./cidr.ts";
import {
  categorizeEndpoints,
  endpointsOf,
  endpointTable,
  type CategorizedEndpoints,
  type Endpoint,
} from "./endpoints.ts";
import { hostCidr, randomMatch, rule, type RuleParts } from "./rule.ts";
import { isExternallyAccessible, servicePorts, type IpFamily, type ServicePort } from "./service-ports.ts";
import type { EndpointSlice, Service } from "@triarch/api";

/** How traffic of pods of this node is told from other traffic. */
export type LocalDetector =
  | { readonly kind: "cidr"; readonly cidr: string }
  | { readonly kind: "interfacePrefix"; readonly prefix: string }
  | { readonly kind: "none" };

export interface RulesConfig {
  readonly family: IpFamily;
  readonly nodeName: string;
  readonly zone: string | undefined;
  /** Addresses of this node, for source ranges that hold them. */
  readonly nodeIps: readonly string[];
  readonly detector: LocalDetector;
  readonly masqueradeAll: boolean;
  /** Bit of the packet mark that asks for masquerading; 14 by default. */
  readonly masqueradeBit: number;
  /** Node ports answer on 127.0.0.1 too. */
  readonly localhostNodePorts: boolean;
  /** Addresses on which node ports answer; empty: all local ones. */
  readonly nodePortAddresses: readonly string[];
  /** The kernel has the accounting match (nfnetlink_acct) that upstream counts dropped packets with. */
  readonly accounting: boolean;
}

export interface TablePlan {
  /** Every chain that the plan owns, sorted. */
  readonly chains: readonly string[];
  readonly rules: readonly string[];
}

export interface RulesPlan {
  readonly nat: TablePlan;
  readonly filter: TablePlan;
  /** Local ready endpoints per `namespace/name`, by health check port. */
  readonly healthChecks: ReadonlyMap<number, { readonly service: string; readonly localEndpoints: number }>;
}

export interface ServiceState {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
}

/** Past this many endpoints rules to endpoints carry no comments, to keep the tables small. */
const commentedEndpointsMax = 1_000;

/** Pure; the same input gives the same text. Cost: linear in ports and endpoints. */
export function planRules(state: ServiceState, config: RulesConfig, sha256: Sha256Of): RulesPlan {
  const table = endpointTable(state.endpointSlices, config.family, config.nodeName);
  const ports = servicePorts(state.services, config.family);
  const total = ports.reduce((sum, port) => sum + endpointsOf(table, port).length, 0);
  const plan = new Plan(config, total <= commentedEndpointsMax);
  for (const port of ports) {
    const endpoints = endpointsOf(table, port);
    plan.addPort(
      port,
      endpoints,
      categorizeEndpoints(endpoints, port, { name: config.nodeName, zone: config.zone }),
      chainNames(port, sha256),
    );
  }
  return plan.finish();
}

class Plan {
  readonly #config: RulesConfig;
  readonly #commented: boolean;
  readonly #natChains = new Set(["KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-SERVICES"]);
  readonly #nat: string[] = [];
  readonly #filter: string[] = [];
  readonly #healthChecks = new Map<number, { service: string; localEndpoints: number }>();

  constructor(config: RulesConfig, commented: boolean) {
    this.#config = config;
    this.#commented = commented;
  }

  addPort(port: ServicePort, all: readonly Endpoint[], found: CategorizedEndpoints, names: ChainNames): void {
    const hasInternal = port.internalPolicyLocal ? found.any && found.local.length > 0 : found.any;
    const hasExternal = port.externalPolicyLocal ? found.any && found.local.length > 0 : found.any;
    const usesExternal = found.any && isExternallyAccessible(port);
    const usesFirewall = usesExternal && port.loadBalancerIps.length > 0 && port.sourceRanges.length > 0;
    this.#captureAddresses(port, found, names, { hasInternal, hasExternal, usesFirewall });
    if (port.healthCheckNodePort !== 0) {
      this.#healthChecks.set(port.healthCheckNodePort, {
        service: port.namespacedName,
        localEndpoints: all.filter((one) => one.isLocal && one.ready).length,
      });
    }
    if (hasInternal) this.#masqueradeClusterIp(port, port.internalPolicyLocal ? names.local : names.service);
    if (usesExternal) this.#externalChain(port, names, hasExternal);
    if (usesFirewall) this.#firewallChain(port, names);
    if (found.cluster.length > 0) this.#toEndpoints(port, names.service, found.cluster, names);
    if (found.local.length > 0) this.#toEndpoints(port, names.local, found.local, names);
    for (const endpoint of found.reachable) this.#endpointChain(port, endpoint, names);
  }

  /** Where the addresses of the port are caught: jumps in nat, refusals in filter. */
  #captureAddresses(
    port: ServicePort,
    found: CategorizedEndpoints,
    names: ChainNames,
    has: { readonly hasInternal: boolean; readonly hasExternal: boolean; readonly usesFirewall: boolean },
  ): void {
    const at = { protocol: port.protocol.toLowerCase(), destinationPort: port.port };
    const reject = `REJECT --reject-with ${this.#config.family === "IPv4" ? "icmp-port-unreachable" : "icmp6-port-unreachable"}`;
    const refusal = found.any
      ? { comment: `${port.name} has no local endpoints`, target: "DROP" }
      : { comment: `${port.name} has no endpoints`, target: reject };

    const clusterIp = hostCidr(port.clusterIp);
    if (has.hasInternal) {
      const target = port.internalPolicyLocal ? names.local : names.service;
      this.#addNat({
        chain: "KUBE-SERVICES",
        destination: clusterIp,
        ...at,
        comment: `${port.name} cluster IP`,
        target,
      });
    } else {
      this.#addFilter({ chain: "KUBE-SERVICES", destination: clusterIp, ...at, ...refusal });
    }
    const external = (ip: string, what: string, target: string): void => {
      const destination = hostCidr(ip);
      if (found.any)
        this.#addNat({ chain: "KUBE-SERVICES", destination, ...at, comment: `${port.name} ${what}`, target });
      if (!has.hasExternal) this.#addFilter({ chain: "KUBE-EXTERNAL-SERVICES", destination, ...at, ...refusal });
    };
    for (const ip of port.externalIps) external(ip, "external IP", names.external);
    for (const ip of port.loadBalancerIps) {
      external(ip, "loadbalancer IP", has.usesFirewall ? names.firewall : names.external);
      if (has.usesFirewall) {
        const comment = `${port.name} traffic not accepted by ${names.firewall}`;
        this.#addFilter({ chain: "KUBE-PROXY-FIREWALL", destination: hostCidr(ip), ...at, comment, target: "DROP" });
      }
    }
    if (port.nodePort !== 0) {
      const nodePort = { protocol: at.protocol, destinationPort: port.nodePort };
      if (found.any) this.#captureNodePort(port, nodePort, names.external);
      if (!has.hasExternal) {
        const matches = ["-m addrtype --dst-type LOCAL"];
        this.#addFilter({ chain: "KUBE-EXTERNAL-SERVICES", ...nodePort, ...refusal, matches });
      }
    }
    if (port.healthCheckNodePort !== 0) {
      const comment = `${port.name} health check node port`;
      this.#addFilter({
        chain: "KUBE-NODEPORTS",
        protocol: "tcp",
        destinationPort: port.healthCheckNodePort,
        comment,
        target: "ACCEPT",
      });
    }
  }

  #captureNodePort(port: ServicePort, at: { protocol: string; destinationPort: number }, target: string): void {
    const { accounting, family, localhostNodePorts } = this.#config;
    if (accounting && localhostNodePorts && family === "IPv4") {
      const matchesAfterPort = ["-m nfacct --nfacct-name  localhost_nps_accepted_pkts"];
      this.#addNat({
        chain: "KUBE-NODEPORTS",
        destination: "127.0.0.0/8",
        ...at,
        comment: port.name,
        matchesAfterPort,
        target,
      });
    }
    this.#addNat({ chain: "KUBE-NODEPORTS", ...at, comment: port.name, target });
  }

  #masqueradeClusterIp(port: ServicePort, chain: string): void {
    const detected = this.#notLocal();
    if (detected === undefined && !this.#config.masqueradeAll) return;
    this.#addNat({
      chain,
      ...(this.#config.masqueradeAll ? {} : detected),
      destination: hostCidr(port.clusterIp),
      protocol: port.protocol.toLowerCase(),
      destinationPort: port.port,
      comment: `${port.name} cluster IP`,
      target: "KUBE-MARK-MASQ",
    });
  }

  /** Traffic from outside: masqueraded, or kept on this node; what comes from here goes to any endpoint. */
  #externalChain(port: ServicePort, names: ChainNames, hasExternal: boolean): void {
    const chain = names.external;
    const destinations = `for ${port.name} external destinations`;
    if (!port.externalPolicyLocal) {
      this.#addNat({ chain, comment: `masquerade traffic ${destinations}`, target: "KUBE-MARK-MASQ" });
    } else {
      const local = this.#isLocal();
      if (local !== undefined)
        this.#addNat({ chain, ...local, comment: `pod traffic ${destinations}`, target: names.service });
      const matches = ["-m addrtype --src-type LOCAL"];
      this.#addNat({ chain, comment: `masquerade LOCAL traffic ${destinations}`, matches, target: "KUBE-MARK-MASQ" });
      this.#addNat({ chain, comment: `route LOCAL traffic ${destinations}`, matches, target: names.service });
    }
    if (hasExternal) this.#addNat({ chain, target: port.externalPolicyLocal ? names.local : names.service });
  }

  #firewallChain(port: ServicePort, names: ChainNames): void {
    const allow = (source: string): void => {
      this.#addNat({ chain: names.firewall, source, comment: `${port.name} loadbalancer IP`, target: names.external });
    };
    for (const range of port.sourceRanges) allow(range);
    // A load balancer's address may be an address of this node; then it is the source of the node's own traffic to it.
    if (port.sourceRanges.some((range) => this.#config.nodeIps.some((ip) => containsAddress(range, ip)))) {
      for (const ip of port.loadBalancerIps) allow(hostCidr(ip));
    }
    this.#addNat({
      chain: names.firewall,
      comment: `other traffic to ${port.name} will be dropped by KUBE-PROXY-FIREWALL`,
    });
  }

  #toEndpoints(port: ServicePort, chain: string, endpoints: readonly Endpoint[], names: ChainNames): void {
    const comment = (endpoint: Endpoint): string | undefined =>
      this.#commented ? `${port.name} -> ${endpoint.text}` : undefined;
    if (port.affinitySeconds > 0) {
      for (const endpoint of endpoints) {
        const target = names.endpoint(endpoint.text);
        const matches = [
          `-m recent --rcheck --seconds ${port.affinitySeconds} --reap --name ${target} ${this.#affinityMask()}`,
        ];
        this.#addNat({ chain, comment: comment(endpoint), matches, target });
      }
    }
    endpoints.forEach((endpoint, i) => {
      const left = endpoints.length - i;
      const matches = left > 1 ? [randomMatch(left)] : [];
      this.#addNat({ chain, comment: comment(endpoint), matches, target: names.endpoint(endpoint.text) });
    });
  }

  #endpointChain(port: ServicePort, endpoint: Endpoint, names: ChainNames): void {
    const chain = names.endpoint(endpoint.text);
    const comment = this.#commented ? port.name : undefined;
    // A pod that reaches itself through the Service would answer itself directly.
    this.#addNat({ chain, source: hostCidr(endpoint.ip), comment, target: "KUBE-MARK-MASQ" });
    const matches = port.affinitySeconds > 0 ? [`-m recent --set --name ${chain} ${this.#affinityMask()}`] : [];
    this.#addNat({
      chain,
      protocol: port.protocol.toLowerCase(),
      comment,
      matches,
      protocolMatch: true,
      target: `DNAT --to-destination ${endpoint.text}`,
    });
  }

  finish(): RulesPlan {
    const { family, masqueradeBit, localhostNodePorts, accounting } = this.#config;
    const mark = `0x${(2 ** masqueradeBit).toString(16)}`;
    const nat = [
      `-A KUBE-MARK-MASQ -j MARK --set-xmark ${mark}/${mark}`,
      `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
      `-A KUBE-POSTROUTING -j MARK --set-xmark ${mark}/0x0`,
      '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
      ...this.#nat,
      ...this.#nodePortJumps(),
    ];
    const forward = "kubernetes forwarding rules";
    const firewall =
      family === "IPv4" && localhostNodePorts
        ? [
            '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
          ]
        : [];
    const invalid = accounting
      ? "-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP"
      : "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP";
    const filter = [
      ...this.#filter,
      ...firewall,
      invalid,
      `-A KUBE-FORWARD -m comment --comment "${forward}" -m mark --mark ${mark}/${mark} -j ACCEPT`,
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ];
    const filterChains = [
      "KUBE-EXTERNAL-SERVICES",
      "KUBE-FIREWALL",
      "KUBE-FORWARD",
      "KUBE-NODEPORTS",
      "KUBE-PROXY-FIREWALL",
      "KUBE-SERVICES",
    ];
    return {
      nat: { chains: [...this.#natChains].sort(), rules: nat },
      filter: { chains: filterChains, rules: filter },
      healthChecks: this.#healthChecks,
    };
  }

  #nodePortJumps(): readonly string[] {
    const { family, nodePortAddresses, localhostNodePorts } = this.#config;
    const comment = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";
    const jump = { chain: "KUBE-SERVICES", comment, target: "KUBE-NODEPORTS" };
    if (nodePortAddresses.length > 0)
      return nodePortAddresses.map((ip) => rule({ ...jump, destination: hostCidr(ip) }));
    const matches = ["-m addrtype --dst-type LOCAL"];
    const loopback = family === "IPv6" ? "! ::1/128" : localhostNodePorts ? undefined : "! 127.0.0.0/8";
    return [rule({ ...jump, destination: loopback, matches })];
  }

  #isLocal(): Partial<RuleParts> | undefined {
    return detected(this.#config.detector, "");
  }

  #notLocal(): Partial<RuleParts> | undefined {
    return detected(this.#config.detector, "! ");
  }

  #affinityMask(): string {
    return this.#config.family === "IPv4"
      ? "--mask 255.255.255.255 --rsource"
      : "--mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource";
  }

  #addNat(parts: RuleParts): void {
    this.#natChains.add(parts.chain);
    this.#nat.push(rule(parts));
  }

  #addFilter(parts: RuleParts): void {
    this.#filter.push(rule(parts));
  }
}

function detected(detector: LocalDetector, not: "" | "! "): Partial<RuleParts> | undefined {
  switch (detector.kind) {
    case "cidr":
      return { source: not + detector.cidr };
    case "interfacePrefix":
      return { inInterface: `${not}${detector.prefix}+` };
    case "none":
      return undefined;
  }
}
