// The program on a real one-member store: acknowledged writes survive a kill, a stop is clean, a directory has one owner.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { Agent, request } from "undici";
import { standaloneFiles } from "../src/main.ts";
import { configMap, token, until } from "./support/test-server.ts";

const program = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "standalone-"));
const running = new Set<ChildProcess>();
t.teardown(async () => {
  for (const child of running) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Process {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stderr(): string;
}

function start(port: number, ...more: readonly string[]): Process {
  const args = [program, "--standalone", "--port", String(port), "--data-dir", folder, "--log-level", "warn", ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const exited = new Promise<number | null>((resolve) =>
    child.once("exit", (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return { child, exited, stderr: () => stderr };
}

const maps = "/api/v1/namespaces/default/configmaps";
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };

async function ready(url: string, dispatcher?: Agent): Promise<void> {
  await until(`${url} is ready`, async () => {
    const answer = await request(`${url}/readyz`, dispatcher === undefined ? {} : { dispatcher }).catch(
      () => undefined,
    );
    await answer?.body.dump();
    return answer?.statusCode === 200;
  });
}

t.test("what was acknowledged is there after a kill", async (t) => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const first = start(port, "--plain-http", "--token", token);
  await ready(url);
  const acknowledged: string[] = [];
  const writer = (async () => {
    for (let i = 0; ; i++) {
      const name = `c${i}`;
      const answer = await request(url + maps, {
        method: "POST",
        headers,
        body: JSON.stringify(configMap(name)),
      }).catch(() => undefined);
      await answer?.body.dump();
      if (answer?.statusCode !== 201) return;
      acknowledged.push(name);
    }
  })();
  await until("some writes", () => acknowledged.length > 20);
  first.child.kill("SIGKILL");
  await Promise.all([first.exited, writer]);

  const second = start(port, "--plain-http", "--token", token);
  await ready(url);
  const list = (await (await request(url + maps, { headers })).body.json()) as {
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  };
  const found = new Set(list.items.map((item) => item.metadata.name));
  t.same(
    acknowledged.filter((name) => !found.has(name)),
    [],
  );

  const intruder = start(await freePort(), "--plain-http", "--token", token);
  t.equal(await intruder.exited, 1);
  t.match(intruder.stderr(), /another process has the database open/);
  second.child.kill("SIGTERM");
  t.equal(await second.exited, 0, "a stop is clean");
  t.equal(second.stderr(), "", "and has nothing to complain about");
});

t.test("with TLS of its own: the administrator's certificate is in the data directory", async (t) => {
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const server = start(port);
  const files = standaloneFiles(folder);
  await until("certificates", () =>
    readFile(files.adminKey).then(
      () => true,
      () => false,
    ),
  );
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.adminCert, files.adminKey].map((file) => readFile(file, "utf8")),
  );
  const dispatcher = new Agent({ connect: { ca: ca ?? "", cert: cert ?? "", key: key ?? "" } });
  t.teardown(() => dispatcher.destroy());
  await ready(url, dispatcher);
  const answer = await request(`${url}/api/v1/namespaces/default`, { dispatcher });
  t.match(await answer.body.json(), { metadata: { name: "default" } });
  server.child.kill("SIGTERM");
  t.equal(await server.exited, 0);
});
