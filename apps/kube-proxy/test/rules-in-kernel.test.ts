// The planned rules in a real kernel: a node's network namespace and two pods' namespaces, made by this test.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { hasCommand, runCommand, tryCommand } from "@triarch/machine";

const able = process.getuid?.() === 0 && (await hasCommand("iptables-restore")) && (await hasCommand("ip"));
const options = able ? {} : { skip: "needs root, ip and iptables" };
const id = `tp${process.pid}`;
const node = `${id}n`;
const pods = [
  { namespace: `${id}a`, link: `${id}a`, ip: "10.244.7.2", gateway: "10.244.7.1" },
  { namespace: `${id}b`, link: `${id}b`, ip: "10.244.8.2", gateway: "10.244.8.1" },
] as const;

t.test(
  "a Service in the kernel: spread over its endpoints, refused without, gone after clean-up",
  options,
  async (t) => {
    const servers: ChildProcess[] = [];
    t.teardown(async () => {
      for (const server of servers) server.kill("SIGKILL");
      for (const namespace of [node, ...pods.map((pod) => pod.namespace)])
        await tryCommand("ip", ["netns", "del", namespace]);
    });
    await runCommand("ip", ["netns", "add", node]);
    await runCommand("ip", ["-n", node, "link", "set", "lo", "up"]);
    await runCommand("ip", ["netns", "exec", node, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    for (const pod of pods) {
      await runCommand("ip", ["netns", "add", pod.namespace]);
      await runCommand("ip", [
        "link",
        "add",
        pod.link,
        "netns",
        node,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        pod.namespace,
      ]);
      await runCommand("ip", ["-n", node, "addr", "add", `${pod.gateway}/24`, "dev", pod.link]);
      await runCommand("ip", ["-n", node, "link", "set", pod.link, "up"]);
      await runCommand("ip", ["-n", pod.namespace, "addr", "add", `${pod.ip}/24`, "dev", "eth0"]);
      await runCommand("ip", ["-n", pod.namespace, "link", "set", "eth0", "up"]);
      await runCommand("ip", ["-n", pod.namespace, "route", "add", "default", "via", pod.gateway]);
      const program = `require("http").createServer((q, s) => s.end("${pod.ip}")).listen(8080, () => console.log("up"))`;
      const server = spawn("ip", ["netns", "exec", pod.namespace, process.execPath, "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      servers.push(server);
      await once(server.stdout, "data");
    }
    // A route for the network of Services, so that the kernel gets as far as the rules.
    await runCommand("ip", ["-n", node, "route", "add", "default", "via", pods[0].ip]);
    const inside = async (...words: string[]): Promise<unknown> => {
      const script = new URL("inside-node.ts", import.meta.url).pathname;
      return JSON.parse(await runCommand("ip", ["netns", "exec", node, process.execPath, script, ...words]));
    };

    await inside("apply", ...pods.map((pod) => pod.ip));
    const answers = (await inside("ask", "http://10.96.0.7/", "30")) as string[];
    t.same(
      [...new Set(answers)].sort(),
      pods.map((pod) => pod.ip),
      "both endpoints answer, and nobody else",
    );

    await inside("apply", pods[0].ip);
    t.same([...new Set((await inside("ask", "http://10.96.0.7/", "10")) as string[])], [pods[0].ip]);

    await inside("apply");
    t.same(await inside("ask", "http://10.96.0.7/", "1"), ["ECONNREFUSED"]);

    const before = (await inside("apply")) as null;
    t.equal(before, null, "applying the same again is fine");
    t.same(await inside("clean"), [], "nothing of ours is left");
  },
);
