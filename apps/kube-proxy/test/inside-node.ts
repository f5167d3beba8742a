// Runs inside the network namespace of a test: carries out one order and prints its result as JSON.
// Usage: node inside-node.ts apply ADDRESS... | ask URL COUNT | clean
import { createHash } from "node:crypto";
import { request } from "node:http";
import { applyRules, removeRules, saveTable } from "@triarch/iptables";
import { planRules } from "@triarch/service-rules";
import { jumps, ownsChain } from "../src/jumps.ts";

const [order, ...words] = process.argv.slice(2);

function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const asking = request(url, { agent: false, timeout: 3_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      answer.on("end", () => resolve(text));
    });
    asking.on("timeout", () => asking.destroy(new Error("timeout")));
    asking.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asking.end();
  });
}

async function carryOut(): Promise<unknown> {
  if (order === "apply") {
    const plan = planRules(
      {
        services: [
          { metadata: { namespace: "t", name: "web" }, spec: { clusterIP: "10.96.0.7", ports: [{ port: 80 }] } },
        ],
        endpointSlices: [
          {
            metadata: { namespace: "t", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
            addressType: "IPv4",
            endpoints: words.map((ip) => ({ addresses: [ip] })),
            ports: [{ name: "", port: 8080, protocol: "TCP" }],
          },
        ],
      },
      {
        family: "IPv4",
        nodeName: "n1",
        zone: undefined,
        nodeIps: [],
        detector: { kind: "cidr", cidr: "10.244.0.0/16" },
        masqueradeAll: false,
        masqueradeBit: 14,
        localhostNodePorts: true,
        nodePortAddresses: [],
        accounting: false,
      },
      (bytes) => createHash("sha256").update(bytes).digest(),
    );
    await applyRules({ tables: plan, jumps, owns: ownsChain });
    return null;
  }
  if (order === "ask") {
    const [url = "", count = "1"] = words;
    const answers: string[] = [];
    for (let i = 0; i < Number(count); i++) answers.push(await ask(url));
    return answers;
  }
  if (order === "clean") await removeRules(ownsChain);
  return [...(await saveTable("nat")), ...(await saveTable("filter"))].filter((line) => line.includes("KUBE-"));
}

process.stdout.write(JSON.stringify(await carryOut()));
