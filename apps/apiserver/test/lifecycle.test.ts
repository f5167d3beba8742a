// Start and stop: what a stopping master does to running requests and watches, and what a wrong start says.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import http from "node:http";
import t from "tap";
import { request } from "undici";
import { configMap, startTestServer, token } from "./support/test-server.ts";

const authorization = `Bearer ${token}`;
const program = fileURLToPath(new URL("../src/main.ts", import.meta.url));

t.test("a stop ends watches, lets a running request end, and refuses what comes after", async (t) => {
  const server = await startTestServer({ tls: undefined });
  const url = server.url.replace("https", "http");
  const port = Number(new URL(url).port);
  const watching = await request(`${url}/api/v1/configmaps?watch=1`, { headers: { authorization } });
  const watchEnded = (async () => {
    for await (const _ of watching.body) continue;
  })();
  // A request whose body arrives slowly is running when the stop begins.
  const body = JSON.stringify(configMap("slow"));
  const slow = http.request({
    port,
    host: "127.0.0.1",
    method: "POST",
    path: "/api/v1/namespaces/default/configmaps",
    headers: { authorization, "content-type": "application/json", "content-length": body.length },
  });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) =>
    slow.once("response", resolve).once("error", reject),
  );
  slow.write(body.slice(0, 10));
  await new Promise((resolve) =>
    slow.once("socket", (socket) => (socket.connecting ? socket.once("connect", resolve) : resolve(undefined))),
  );
  const ready = async (): Promise<number> =>
    (await request(`${url}/readyz`, { headers: { authorization } })).statusCode;
  t.equal(await ready(), 200);
  const closed = server.close();
  t.equal(await ready(), 503, "not ready first");
  slow.end(body.slice(10));
  const answer = await answered;
  t.match([answer.statusCode], [201]);
  answer.resume();
  await watchEnded;
  await closed;
  await t.rejects(request(`${url}/readyz`), { code: "ECONNREFUSED" });
});

t.test("several addresses on one server; a taken port is named", async (t) => {
  const server = await startTestServer({
    listen: [
      { host: "127.0.0.1", port: 0 },
      { host: "127.0.0.2", port: 0 },
    ],
  });
  t.teardown(() => server.close());
  t.equal(server.server.addresses.length, 2);
  const second = server.server.addresses[1];
  const { statusCode } = await request(`https://127.0.0.2:${second?.port}/livez`, { dispatcher: server.agent }).catch(
    (error: unknown) => {
      // The certificate is for 127.0.0.1: that it says so shows that TLS answers here too.
      t.match(error, { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
      return { statusCode: 200 };
    },
  );
  t.equal(statusCode, 200);
  const taken = server.server.addresses[0];
  await t.rejects(
    startTestServer({ listen: [{ host: "127.0.0.1", port: taken?.port ?? 0 }] }),
    /is in use by another process/,
  );
});

interface Run {
  readonly code: number | null;
  readonly stderr: string;
}

async function run(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { code, stderr };
}

t.test("wrong calls: one line, and an exit code that says whose mistake it is", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "apiserver-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, "m1.yaml");
  await writeFile(config, "name: m1\nlisten: x\n");
  const blocker = createServer().listen(0, "127.0.0.1");
  t.teardown(() => blocker.close());
  await new Promise((resolve) => blocker.once("listening", resolve));
  const port = String((blocker.address() as AddressInfo).port);
  const cases: readonly [readonly string[], number, RegExp][] = [
    [[], 2, /say --config FILE, or --standalone/],
    [["--standalone", "--port", "x"], 2, /a port from 0 to 65535/],
    [["--config", join(folder, "none.yaml")], 1, /can't read .*none\.yaml: ENOENT/],
    [["--config", config], 2, /m1\.yaml: listen is not known/],
    [
      ["--standalone", "--plain-http", "--log-level", "silent", "--data-dir", join(folder, "data"), "--port", port],
      1,
      /is in use by another process/,
    ],
  ];
  for (const [args, code, text] of cases) {
    const result = await run(...args);
    t.equal(result.code, code, args.join(" "));
    t.match(result.stderr, text);
    t.equal(result.stderr.includes("    at "), false, "no stack trace");
  }
});
