// The proxies of pods, services and nodes: every method, bodies of any length, upgrades, and what is refused.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import t from "tap";
import { request } from "undici";
import { requestHeaders, upgradeHeaders } from "../src/tunnel/forwarded-headers.ts";
import { htmlBytesMax } from "../src/tunnel/rewrite.ts";
import { kubeletCredentials, startStandInKubelet } from "./support/stand-in-kubelet.ts";
import { pod, startTestServer, token } from "./support/test-server.ts";

/** Proxies refuse loopback: a pod of ours listens at this machine's own address, which is as near. */
const own = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;
const skip = own === undefined ? "this machine has no address but loopback" : false;

let answer: RequestListener = (_incoming, response) => response.end("hello");
const seen: IncomingMessage[] = [];
const backend = createServer((incoming, response) => {
  seen.push(incoming);
  answer(incoming, response);
});
backend.on("upgrade", (incoming, socket) => {
  socket.on("error", () => socket.destroy());
  socket.write(`HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade}\r\n\r\n`);
  socket.write(`${incoming.method} ${incoming.url} `);
  socket.pipe(socket);
});
backend.listen(0, own ?? "127.0.0.1");
await once(backend, "listening");
const { port } = backend.address() as AddressInfo;

const kubelet = await startStandInKubelet();
const server = await startTestServer({ kubeletClient: await kubeletCredentials() });
t.teardown(async () => {
  await server.close();
  await kubelet.close();
  backend.closeAllConnections();
  backend.close();
});
const { call } = server;
const inDefault = "/api/v1/namespaces/default";
const merge = { "content-type": "application/merge-patch+json" };
const authorization = `Bearer ${token}`;

t.before(async () => {
  await kubelet.join(call, "n1");
  const ports = [{ name: "web", containerPort: port }];
  for (const [name, podIP] of [
    ["p", own],
    ["looped", "127.0.0.1"],
    ["mapped", "::ffff:127.0.0.1"],
    ["new", undefined],
  ] as const) {
    await call("POST", `${inDefault}/pods`, pod(name, { containers: [{ name: "c", image: "i:1", ports }] }));
    if (podIP !== undefined) await call("PATCH", `${inDefault}/pods/${name}/status`, { status: { podIP } }, merge);
  }
  const spec = { ports: [{ name: "http", port: 80, targetPort: port }], selector: { a: "b" } };
  for (const name of ["s", "empty"]) {
    await call("POST", `${inDefault}/services`, { apiVersion: "v1", kind: "Service", metadata: { name }, spec });
  }
  await call("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "s-1", labels: { "kubernetes.io/service-name": "s" } },
    addressType: "IPv4",
    ports: [{ name: "http", port, protocol: "TCP" }],
    endpoints: [
      { addresses: [own ?? "192.0.2.1"], conditions: { ready: true } },
      { addresses: ["192.0.2.9"], conditions: { ready: false } },
    ],
  });
});

t.test("a pod by its first port, a number, a name; a service by port, number, name", { skip }, async (t) => {
  for (const name of ["pods/p", `pods/p:${port}`, `pods/http:p:${port}`, "pods/p:web"]) {
    t.match(await call("GET", `${inDefault}/${name}/proxy/x?y=%2F+1`), { statusCode: 200, text: "hello" }, name);
    t.equal(seen.at(-1)?.url, "/x?y=%2F+1");
  }
  for (const name of ["services/s", "services/s:80", "services/s:http", "services/http:s:http"]) {
    t.match(await call("GET", `${inDefault}/${name}/proxy/`), { statusCode: 200, text: "hello" }, name);
  }
});

t.test("the caller's credentials stay here; who asked for what is told", { skip }, async (t) => {
  await call("GET", `${inDefault}/pods/p/proxy/a%20b`, undefined, { "x-own": "1" });
  const { headers, url } = seen.at(-1) as IncomingMessage;
  t.equal(url, "/a%20b");
  t.match(headers, {
    "x-own": "1",
    "x-forwarded-uri": `${inDefault}/pods/p/proxy/a%20b`,
    "x-forwarded-proto": "https",
    "x-forwarded-host": new URL(server.url).host,
  });
  t.equal(headers.authorization, undefined);
  const ofConnection = { connection: "close, X-Hop", "x-hop": "1", te: "trailers", accept: "*/*" };
  t.same(requestHeaders(ofConnection), { accept: "*/*" });
  t.same(upgradeHeaders({ ...ofConnection, upgrade: "u" }), { accept: "*/*", connection: "Upgrade", upgrade: "u" });
});

t.test("every method, and the answer as it is", { skip }, async (t) => {
  answer = (incoming, response) => {
    response.writeHead(418, {
      "x-method": incoming.method ?? "",
      "set-cookie": ["a=1", "b=2"],
      "cache-control": "max-age=9",
    });
    response.end(incoming.method === "HEAD" ? undefined : "short and stout");
  };
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const { statusCode, headers, text } = await call(method, `${inDefault}/services/s/proxy/pot`);
    t.match([statusCode, headers["x-method"], headers["set-cookie"]], [418, method, ["a=1", "b=2"]]);
    t.equal(headers["cache-control"], "max-age=9");
    t.equal(text, method === "HEAD" ? "" : "short and stout");
  }
});

t.test("bodies larger than any object stream both ways", { skip }, async (t) => {
  answer = (incoming, response) => incoming.pipe(response);
  const part = randomBytes(1024 * 1024);
  const parts = 12;
  const expected = createHash("sha256");
  for (let i = 0; i < parts; i += 1) expected.update(part);
  const { statusCode, body } = await request(`${server.url}${inDefault}/pods/p/proxy/up`, {
    dispatcher: server.agent,
    method: "POST",
    headers: { authorization, "content-type": "application/octet-stream" },
    body: Readable.from(Array.from({ length: parts }, () => part)),
  });
  const got = createHash("sha256");
  for await (const chunk of body as AsyncIterable<Buffer>) got.update(chunk);
  t.same([statusCode, got.digest("hex")], [200, expected.digest("hex")]);
});

t.test("a stream comes as it is written, and ends with the client", { skip }, async (t) => {
  const gone = Promise.withResolvers<void>();
  answer = (_incoming, response) => {
    response.on("close", () => gone.resolve());
    response.write("first");
  };
  const { body } = await request(`${server.url}${inDefault}/pods/p/proxy/stream`, {
    dispatcher: server.agent,
    headers: { authorization },
  });
  t.equal(String((await once(body, "data"))[0]), "first");
  body.on("error", () => undefined).destroy();
  await gone.promise;
});

t.test("paths that the server speaks of lead back through the proxy", { skip }, async (t) => {
  const page =
    '<html><a  HREF="/x/?q=1">a</a><a href=\'y\'>b</a><img src=/z><a href="http://else/w">c</a><p href="/p"></html>';
  const place = `${inDefault}/services/s/proxy`;
  const rewritten = `<html><a  HREF="${place}/x/?q=1">a</a><a href='y'>b</a><img src=${place}/z><a href="http://else/w">c</a><p href="/p"></html>`;
  answer = (incoming, response) => {
    const gzip = incoming.url === "/gzip";
    response.writeHead(200, { "content-type": "text/html", ...(gzip ? { "content-encoding": "gzip" } : {}) });
    response.end(gzip ? gzipSync(page) : page);
  };
  t.equal((await call("GET", `${place}/`)).text, rewritten);
  t.equal((await call("GET", `${place}/gzip`)).text, rewritten);
  const large = page + "-".repeat(htmlBytesMax);
  answer = (_incoming, response) => response.writeHead(200, { "content-type": "text/html" }).end(large);
  t.ok((await call("GET", `${place}/large`)).text === large, "a page past the bound passes as it is");
  answer = (_incoming, response) => response.writeHead(302, { location: `http://${own}:${port}/next` }).end();
  t.match((await call("GET", `${place}/`)).headers, { location: `${place}/next` });
  answer = (_incoming, response) => response.end("hello");
  const folder = await call("GET", `${place}?a=b`);
  t.match([folder.statusCode, folder.headers["location"]], [301, `${place}/?a=b`]);
  t.equal((await call("POST", place)).statusCode, 200, "only for reading");
});

t.test("an upgrade of any protocol becomes a tunnel", { skip }, async (t) => {
  const { hostname, port: apiPort } = new URL(server.url);
  const socket = connectTls({ host: hostname, port: Number(apiPort), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  t.teardown(() => socket.destroy());
  const head = [`POST ${inDefault}/pods/p/proxy/echo HTTP/1.1`, "Host: x", `Authorization: ${authorization}`];
  socket.write([...head, "Connection: Upgrade", "Upgrade: anything/1", "\r\nearly "].join("\r\n"));
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  while (!text.includes("early ")) await once(socket, "data");
  t.match(text, /^HTTP\/1\.1 101 .*\r\n/);
  t.match(text, /\r\n\r\nPOST \/echo early $/);
  socket.write("late");
  while (!text.endsWith("late")) await once(socket, "data");
  socket.end();
  await once(socket, "end");
});

t.test("a node's proxy is its kubelet, with our certificate", async (t) => {
  kubelet.serve((incoming, response) => response.end(`kubelet ${incoming.url}`));
  for (const name of ["n1", `n1:${kubelet.port}`, `https:n1:${kubelet.port}`]) {
    t.match(await call("GET", `/api/v1/nodes/${name}/proxy/stats/summary`), { text: "kubelet /stats/summary" });
  }
  t.match((await call("GET", "/api/v1/nodes/n1:22/proxy/")).body, { code: 400, message: "address not allowed" });
});

t.test("what can't be reached, and what must not be", async (t) => {
  const refusals: readonly (readonly [string, number, string | RegExp])[] = [
    ["pods/none/proxy/", 404, 'pods "none" not found'],
    ["pods/looped/proxy/", 400, "address not allowed"],
    ["pods/mapped/proxy/", 400, "address not allowed"],
    ["pods/new/proxy/", 400, "address not allowed"],
    ["pods/a:b:c:d/proxy/", 400, 'invalid pod request "a:b:c:d"'],
    ["pods/ftp:p:1/proxy/", 400, 'invalid pod request "ftp:p:1"'],
    ["services/none/proxy/", 404, 'services "none" not found'],
    ["services/empty/proxy/", 503, 'no endpoints available for service "empty"'],
    ["services/s:81/proxy/", 503, 'no service port 81 found for service "s"'],
    ["services/s:other/proxy/", 503, 'no endpoints available for service "s"'],
    ["services/s%2Fx/proxy/", 400, 'invalid service request "s/x"'],
  ];
  for (const [path, code, message] of refusals) {
    t.match((await call("GET", `${inDefault}/${path}`)).body, { kind: "Status", code, message }, path);
  }
  if (own === undefined) return;
  const closed = createServer().listen(0, own);
  await once(closed, "listening");
  const { port: free } = closed.address() as AddressInfo;
  closed.close();
  t.match((await call("GET", `${inDefault}/pods/p:${free}/proxy/`)).body, {
    code: 503,
    reason: "ServiceUnavailable",
    message: /^error trying to reach service: connect ECONNREFUSED/,
  });
});

t.test("proxies are permissions of their own", async (t) => {
  const nobody = await server.clientOf("nobody", []);
  t.match(await nobody("GET", `${inDefault}/pods/p/proxy/`), { statusCode: 403 });
  t.match(await nobody("GET", "/api/v1/nodes/n1/proxy/pods"), { statusCode: 403 });
});
