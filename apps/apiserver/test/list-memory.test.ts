// A list of 10,000 pods of 5 kB, from a server in a process of its own: its resident memory grows by less than 64 MiB at
// the peak, however slowly the client reads.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { Agent, request } from "undici";
import { token, until } from "./support/test-server.ts";

const podCount = 10_000;
const podBytes = 5_000;
const extraBytesMax = 64 * 1024 * 1024;
const writersAtOnce = 16;
const pods = "/api/v1/namespaces/default/pods";
const skip = existsSync("/proc/self/clear_refs") ? false : "no peak of resident memory without Linux's /proc";

t.setTimeout(110_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

t.test("a long list needs little memory beside the cache", { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "list-memory-"));
  const port = await freePort();
  const program = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  const flags = ["--standalone", "--plain-http", "--port", String(port), "--token", token, "--data-dir", folder];
  const child = spawn(process.execPath, [program, ...flags, "--log-level", "error"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const dispatcher = new Agent({ connections: writersAtOnce });
  t.teardown(async () => {
    await dispatcher.destroy();
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await until("the server is ready", async () => {
    const answer = await request(`${url}/readyz`, { dispatcher }).catch(() => undefined);
    await answer?.body.dump();
    return answer?.statusCode === 200;
  });

  let next = 0;
  const write = async (): Promise<void> => {
    for (let at = next++; at < podCount; at = next++) {
      const body = JSON.stringify(largePod(`p${at}`));
      const answer = await request(url + pods, { method: "POST", headers, body, dispatcher });
      await answer.body.dump();
      if (answer.statusCode !== 201) throw new Error(`pod ${at}: ${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: writersAtOnce }, write));

  const list = async (accept: string, readPauseMs: number): Promise<number> => {
    const answer = await request(url + pods, { headers: { ...headers, accept }, dispatcher });
    let sizeBytes = 0;
    let paused = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes < (paused + 1) * 5_000_000) continue;
      paused += 1;
      if (readPauseMs > 0) await new Promise((resolve) => setTimeout(resolve, readPauseMs));
    }
    return sizeBytes;
  };
  const pid = child.pid ?? 0;
  t.ok((await list("application/json", 0)) > podCount * podBytes, "a first one, so that everything is in place");
  const forms = ["application/json", "application/json;as=Table;g=meta.k8s.io;v=v1"];
  for (const accept of forms) {
    for (const readPauseMs of [0, 100]) {
      const before = await memoryOf(pid, "VmRSS");
      await writeFile(`/proc/${pid}/clear_refs`, "5");
      await list(accept, readPauseMs);
      const extra = (await memoryOf(pid, "VmHWM")) - before;
      const shown = `${accept}: ${Math.round(extra / 1024 / 1024)} MiB, ${readPauseMs} ms between reads`;
      t.comment(shown);
      t.ok(extra < extraBytesMax, shown);
    }
  }
});

function largePod(name: string): object {
  const env = Array.from({ length: 40 }, (_, at) => ({ name: `VARIABLE_${at}`, value: `${at}`.padStart(80, "v") }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "memory" } },
    spec: { containers: [{ name: "c", image: "busybox:1", env }] },
  };
}

async function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}
