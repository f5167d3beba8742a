import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import t from "tap";
import { startEtcdGrpc } from "@triarch/etcd-grpc";
import { startStore } from "@triarch/etcd-server";
import { createRegistry, silentLogger } from "@triarch/telemetry";

// Unmodified etcdctl 3.4's checks: that they run to their end and say something. What they say of speed is not looked at.
// `check perf` alone writes for a minute, which is why this is a long test.

t.setTimeout(580_000);
const checkTimeoutMs = 280_000;
const needsEtcdctl = {
  skip: spawnSync("etcdctl", ["version"]).status === 0 ? false : "etcdctl is not installed",
};

const store = await startStore({
  name: "m1",
  dataDir: join(t.testdir({}), "data"),
  clusterToken: "check",
  initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
  listenPeer: { host: "127.0.0.1", port: 0 },
  logger: silentLogger,
  onFatal: (error) => {
    throw error;
  },
});
const port = await startEtcdGrpc({
  server: store.server,
  host: "127.0.0.1",
  port: 0,
  tls: undefined,
  logger: silentLogger,
  registry: createRegistry(),
});
t.teardown(async () => {
  await port.close();
  await store.close();
});

async function check(...args: readonly string[]): Promise<string> {
  const child = spawn("etcdctl", [`--endpoints=${port.url}`, "check", ...args], {
    env: { PATH: process.env["PATH"], ETCDCTL_API: "3" },
    timeout: checkTimeoutMs,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  return output.replaceAll(/\r[^\r\n]*(?=\r)/g, ""); // its progress, line over line
}

t.test("check datascale: writes, measures, cleans up", needsEtcdctl, async (t) => {
  t.match(await check("datascale", "--load=s"), /(PASS|FAIL): Approximate system memory used/);
  const everything = { key: new Uint8Array(1), rangeEnd: new Uint8Array(1) };
  t.equal((await store.server.range(everything)).count, 0);
});

t.test("check perf: writes for a minute and gives its verdict", needsEtcdctl, async (t) => {
  t.match(await check("perf", "--load=s", "--auto-compact"), /(PASS|FAIL): Throughput/);
});
