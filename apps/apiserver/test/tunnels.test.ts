// exec through the API server: who may, what is refused before anything is upgraded, and that a tunnel holds no more than
// its sockets do and leaves nothing behind.
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { WebSocket } from "ws";
import { issueCertificate } from "@triarch/pki";
import { silentLogger } from "@triarch/telemetry";
import { Tunnels } from "../src/http/tunnels.ts";
import { takeUpgrades } from "../src/http/upgrades.ts";
import { kubeletCredentials, startStandInKubelet } from "./support/stand-in-kubelet.ts";
import { pod, startTestServer, testCa, token, until } from "./support/test-server.ts";

const kubelet = await startStandInKubelet();
const server = await startTestServer({ kubeletClient: await kubeletCredentials() });
t.teardown(async () => {
  await server.close();
  await kubelet.close();
});
const { call } = server;
const pods = "/api/v1/namespaces/default/pods";
const { port } = new URL(server.url);

t.before(async () => {
  await kubelet.join(call, "n1");
  await call("POST", "/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: "n2" } });
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const dead = (silent.address() as AddressInfo).port;
  silent.close();
  const status = {
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: dead } },
  };
  await call("PATCH", "/api/v1/nodes/n2/status", { status }, { "content-type": "application/merge-patch+json" });
  const two = [
    { name: "a", image: "i:1" },
    { name: "b", image: "i:1" },
  ];
  await call("POST", pods, pod("p", { nodeName: "n1" }));
  await call("POST", pods, pod("two", { nodeName: "n1", containers: two }));
  await call("POST", pods, pod("unreachable", { nodeName: "n2" }));
  await call("POST", pods, pod("unbound"));
});

interface Identity {
  readonly cert?: string;
  readonly key?: string;
}

const query = (command: string): string =>
  `stdin=true&stdout=true&${["sh", "-c", command].map((part) => `command=${encodeURIComponent(part)}`).join("&")}`;

/** A connection on which an exec was asked for; the answer's head and what follows is to be read. */
async function ask(t: Test, path: string, method: "GET" | "POST", identity?: Identity): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port: Number(port), ca: testCa.certificatePem, ...identity });
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  await once(socket, "secureConnect");
  const upgrade =
    method === "POST"
      ? ["Upgrade: SPDY/3.1", "X-Stream-Protocol-Version: v4.channel.k8s.io"]
      : ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="];
  const who = identity === undefined ? [`Authorization: Bearer ${token}`] : [];
  const head = [`${method} ${pods}/${path} HTTP/1.1`, "Host: x", "Connection: Upgrade", ...upgrade, ...who];
  socket.write([...head, "\r\n"].join("\r\n"));
  return socket;
}

async function answerTo(t: Test, path: string, method: "GET" | "POST", identity?: Identity) {
  const socket = await ask(t, path, method, identity);
  let text = "";
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.startsWith("HTTP/1.1 101")) break;
  }
  const brace = text.indexOf("{");
  return {
    code: Number(text.slice(9, 12)),
    body: brace < 0 ? {} : (JSON.parse(text.slice(brace)) as object),
    text,
  };
}

t.test("what can't be done is an ordinary Status before the upgrade", async (t) => {
  const cases: readonly (readonly [string, number, string | RegExp])[] = [
    [`none/exec?${query("true")}`, 404, 'pods "none" not found'],
    [`two/exec?${query("true")}`, 400, "a container name must be specified for pod two, choose one of: [a b]"],
    [`two/exec?container=c&${query("true")}`, 400, "container c is not valid for pod two"],
    [`unbound/exec?${query("true")}`, 400, "pod unbound does not have a host assigned"],
    [`unreachable/exec?${query("true")}`, 500, /^error dialing backend: .*ECONNREFUSED/],
    ["unreachable/portforward", 500, /^error dialing backend: /],
    ["none/attach?stdout=true", 404, 'pods "none" not found'],
  ];
  for (const [path, code, message] of cases) {
    for (const method of ["GET", "POST"] as const) {
      const answer = await answerTo(t, path, method);
      t.match(answer, { code, body: { kind: "Status", status: "Failure", code, message } }, `${method} ${path}`);
      t.match(answer.text, /\r\naudit-id: [-0-9a-f]{36}\r\n/);
    }
  }
  t.match(await answerTo(t, "p/exec?command=x", "POST"), { code: 400, text: /at least 1 of stdin, stdout, stderr/ });
  t.match((await call("POST", `${pods}/p/exec?${query("true")}`)).body, {
    code: 400,
    reason: "BadRequest",
    message: "Upgrade request required",
  });
  t.match((await call("PUT", `${pods}/p/exec?${query("true")}`)).statusCode, 405);
});

t.test("who may", async (t) => {
  const identity = async (commonName: string, organizations: readonly string[]): Promise<Identity> => {
    const asked = { commonName, organizations, usages: ["client"] as const, nowMs: Date.now(), validityDays: 1 };
    const pair = await issueCertificate(testCa, asked);
    return { cert: pair.certificatePem, key: pair.keyPem };
  };
  const path = `p/exec?${query("true")}`;
  for (const method of ["GET", "POST"] as const) {
    t.match(await answerTo(t, path, method, await identity("nobody", [])), {
      code: 403,
      body: { reason: "Forbidden" },
    });
    t.equal((await answerTo(t, path, method, await identity("root", ["system:masters"]))).code, 101, method);
  }
  // The controllers may read everything, subresources too: reading is not running commands.
  const controllers = await identity("system:kube-controller-manager", []);
  t.match(await answerTo(t, path, "GET", controllers), {
    code: 403,
    body: { message: /cannot create resource "pods\/exec"/ },
  });
});

t.test("a client that does not read stops the command, and the master holds nothing for it", async (t) => {
  const socket = await ask(t, `p/exec?${query("cat /dev/zero")}`, "GET");
  await once(socket, "readable");
  await until("the command runs", () => kubelet.running.size === 1);
  const rssBefore = process.memoryUsage().rss;
  const [child] = kubelet.running;
  // It is stopped once nothing more leaves it for many turns of the loop.
  let idleTurns = 0;
  let before = -1;
  await until("the command is stopped by its full pipe", () => {
    const now = child?.stdout?.readableLength ?? 0;
    idleTurns = now === before && child?.stdout?.isPaused() === true ? idleTurns + 1 : 0;
    before = now;
    return idleTurns >= 20;
  });
  const grownBytes = process.memoryUsage().rss - rssBefore;
  t.ok(grownBytes < 64 * 1024 * 1024, `the process of both grew by ${grownBytes} bytes`);
  t.comment(`grown by ${Math.round(grownBytes / 1024)} KiB`);
  socket.destroy();
  await until("the command ends with its client", () => kubelet.running.size === 0);
});

t.test("clients that break off at any moment leave no process and no connection", async (t) => {
  const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  const before = sockets();
  for (let i = 0; i < 30; i += 1) {
    const socket = await ask(t, `p/exec?${query("sleep 1000")}`, i % 2 === 0 ? "GET" : "POST");
    if (i % 3 === 1) await once(socket, "readable");
    if (i % 3 === 2) await until("it runs", () => kubelet.running.size > 0 || i % 2 === 1);
    socket.destroy();
  }
  await until("no command runs", () => kubelet.running.size === 0);
  await until("no connection is left", () => sockets() <= before);
  t.equal(kubelet.running.size, 0);
});

t.test("a kubelet that dies takes its clients' connections along", async (t) => {
  const other = await startStandInKubelet();
  await other.join(call, "n3");
  await call("POST", pods, pod("brief", { nodeName: "n3" }));
  const socket = new WebSocket(`${server.url.replace("http", "ws")}${pods}/brief/exec?${query("sleep 1000")}`, {
    ca: testCa.certificatePem,
    headers: { authorization: `Bearer ${token}` },
  });
  socket.on("error", () => undefined);
  await once(socket, "message");
  const closed = once(socket, "close");
  await other.close();
  t.equal((await closed)[0], 1006);
});

t.test("a client that vanishes while nobody reads from it is found by pings", async (t) => {
  const other = await startStandInKubelet({ pingIntervalMs: 50 });
  t.teardown(() => other.close());
  await other.join(call, "n4");
  await call("POST", pods, pod("deaf", { nodeName: "n4" }));
  const socket = new WebSocket(`${server.url.replace("http", "ws")}${pods}/deaf/exec?${query("exec sleep 1000")}`, {
    ca: testCa.certificatePem,
    headers: { authorization: `Bearer ${token}` },
  });
  socket.on("error", () => undefined);
  await once(socket, "message");
  const part = Buffer.alloc(1024 * 1024);
  let waiting = 0;
  // More than all buffers on the way hold: the master reads no further, so it sees no end either.
  for (let i = 0; i < 64; i += 1) socket.send(part);
  await until("nothing more leaves", () => {
    const stuck = socket.bufferedAmount > 0 && socket.bufferedAmount === waiting;
    waiting = socket.bufferedAmount;
    return stuck;
  });
  t.equal(other.running.size, 1);
  socket.terminate();
  await until("its command ends", () => other.running.size === 0);
});

t.test("more tunnels than there may be get 429", async (t) => {
  const held: Socket[] = [];
  const front = createServer();
  const cut = new AbortController();
  const tunnels = new Tunnels({
    handle: async () => ({
      answer: { kind: "upgrade", rawHeaders: [], run: ({ socket }) => void held.push(socket), giveUp: () => undefined },
      warnings: [],
    }),
    logger: silentLogger,
    cut: cut.signal,
    openMax: 2,
  });
  takeUpgrades(front, (request, socket, head) => tunnels.take(request, { socket, head }));
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  t.teardown(() => front.close());
  const codeOf = async (): Promise<string> => {
    const socket = connectTcp((front.address() as AddressInfo).port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    socket.write(`POST ${pods}/p/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`);
    return String((await once(socket, "data"))[0]).slice(9, 12);
  };
  t.same([await codeOf(), await codeOf(), await codeOf()], ["101", "101", "429"]);
  held[0]?.destroy();
  await once(held[0] as Socket, "close");
  t.equal(await codeOf(), "101", "and there is room again");
  for (const socket of held) socket.destroy();
});

t.test("a stop cuts tunnels and waits for none", async (t) => {
  const brief = await startTestServer({ kubeletClient: await kubeletCredentials() });
  await kubelet.join(brief.call, "n1");
  await brief.call("POST", pods, pod("p", { nodeName: "n1" }));
  const socket = new WebSocket(`${brief.url.replace("http", "ws")}${pods}/p/exec?${query("sleep 1000")}`, {
    ca: testCa.certificatePem,
    headers: { authorization: `Bearer ${token}` },
  });
  socket.on("error", () => undefined);
  await once(socket, "message");
  const closed = once(socket, "close");
  await brief.close();
  t.equal((await closed)[0], 1006);
  await until("the command ended", () => kubelet.running.size === 0);
});
