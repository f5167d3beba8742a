import { createHash } from "node:crypto";
import t from "tap";
import type { EndpointSlice, Service } from "@triarch/api";
import { containsAddress, planRules, type RulesConfig } from "@triarch/service-rules";

const config: RulesConfig = {
  family: "IPv4",
  nodeName: "n1",
  zone: undefined,
  nodeIps: ["192.0.2.1"],
  detector: { kind: "cidr", cidr: "10.244.0.0/16" },
  masqueradeAll: false,
  masqueradeBit: 14,
  localhostNodePorts: true,
  nodePortAddresses: [],
  accounting: false,
};
const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const service: Service = {
  metadata: { namespace: "default", name: "web" },
  spec: { clusterIP: "10.96.0.7", ports: [{ port: 80, targetPort: 8080 }] },
};
const slice = (ips: readonly string[]): EndpointSlice => ({
  metadata: { namespace: "default", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: "n1" })),
  ports: [{ name: "", port: 8080, protocol: "TCP" }],
});

t.test("traffic is spread evenly and each endpoint has a chain of its own", async (t) => {
  const { nat } = planRules(
    { services: [service], endpointSlices: [slice(["10.244.0.5", "10.244.1.6", "10.244.1.7"])] },
    config,
    sha256,
  );
  const spread = nat.rules.filter((line) => line.includes(" -> "));
  t.match(spread, [/0\.33333333349/, /0\.50000000000/, /-> 10\.244\.1\.7:8080" -j KUBE-SEP-/]);
  t.equal(nat.chains.filter((chain) => chain.startsWith("KUBE-SEP-")).length, 3);
});

t.test("without endpoints the address is refused, at once and not by silence", async (t) => {
  const { nat, filter } = planRules({ services: [service], endpointSlices: [] }, config, sha256);
  t.match(
    filter.rules.filter((line) => line.includes("10.96.0.7")),
    [/has no endpoints" .*--dport 80 -j REJECT/],
  );
  t.same(
    nat.rules.filter((line) => line.includes("10.96.0.7")),
    [],
  );
});

t.test("addresses in networks of both families", async (t) => {
  t.ok(
    containsAddress("10.0.0.0/8", "10.255.1.2") &&
      containsAddress("fd00::/8", "fd12::1") &&
      containsAddress("0.0.0.0/0", "1.2.3.4"),
  );
  t.notOk(
    containsAddress("10.0.0.0/8", "11.0.0.1") ||
      containsAddress("10.0.0.0/8", "fd00::1") ||
      containsAddress("x/8", "10.0.0.1"),
  );
});
