import { spawn } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { utf8 } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { startStore } from "../src/index.ts";

const program = join(import.meta.dirname, "failing-disk-process.ts");

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { timeout: 40_000 });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.once("error", reject).once("close", (code) => resolve({ code, lines: stdout.trimEnd().split("\n"), stderr }));
  });
}

t.test("after a failed fsync nothing more is acknowledged, the process stops and says why", async (t) => {
  const dataDir = t.testdir({});
  const { code, lines, stderr } = await run(dataDir, "20");
  t.equal(code, 1);
  t.match(stderr, `WAL ${join(dataDir, "member", "wal")}/`);
  t.match(stderr, /at byte \d+: EIO\. The disk failed: see the kernel log/);
  t.match(stderr, "The process must stop: what the disk holds is unknown until it is read again.");
  const at = lines.indexOf("failing");
  t.equal(at, 20);
  // A sync that was under way already may still take one with it; after the failure there is none.
  t.ok(lines.length - at <= 2, `${lines.length - at - 1} writes acknowledged once the disk was failing`);

  const store = await startStore({
    name: "m1",
    dataDir,
    clusterToken: "test",
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    listenPeer: { host: "127.0.0.1", port: 0 },
    timing: { tickMs: 10 },
    logger: silentLogger,
    onFatal: (error) => {
      throw error;
    },
  });
  const { kvs } = await store.server.range({ key: utf8("/k/"), rangeEnd: utf8("/k0") });
  const found = new Set(kvs.map(({ key }) => Buffer.from(key).toString()));
  t.strictSame(
    lines.filter((line) => line !== "failing" && !found.has(line)),
    [],
    "what was acknowledged is there",
  );
  await store.close();
});
