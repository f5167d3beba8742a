// Request lines, headers, queries and connections made to confuse: paths that climb, headers without end, selectors and
// tokens that are none, bodies that never come. Each gets a 4xx, and the server goes on.
import { connect, type Socket } from "node:net";
import t from "tap";
import { authorization, maps, refused, startTarget, stillServes } from "./target.ts";

const target = await startTarget();
t.teardown(() => target.close());
t.setTimeout(120_000);

/** What a request with this request line gets. */
async function statusOf(requestLine: string, ...headers: readonly string[]): Promise<number> {
  const lines = [requestLine, "Host: x", `Authorization: ${authorization}`, "Connection: close", ...headers, "", ""];
  const answer = await target.sendRaw(lines.join("\r\n"));
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

t.test("paths", async (t) => {
  const cases: readonly (readonly [path: string, ...codes: number[]])[] = [
    ["/api/v1/namespaces/default/configmaps/..%2f..%2fsecrets", 404],
    ["/api/v1/namespaces/default/configmaps/../../../../etc/passwd", 404, 400, 403],
    ["/api/v1/namespaces/%2e%2e/configmaps", 404, 200],
    ["/api/v1/namespaces/default/configmaps/a%2Fb", 404],
    ["/api/v1/namespaces/default/configmaps/%00", 404, 400],
    ["/api/v1/namespaces/default/configmaps/%ff%fe", 404, 400],
    ["/api/v1/namespaces/default/configmaps/%zz", 400, 404],
    ["/api/v1/namespaces/default/configmaps/%", 400, 404],
    ["//api/v1/namespaces", 404, 301, 200],
    ["/api//v1///namespaces/default/configmaps/x", 404, 301],
    ["/api/v1/namespaces/default/configmaps/x/y/z/w", 404],
    ["/apis/apps/v1/namespaces/default/deployments/__proto__", 404],
    ["/apis/__proto__/constructor", 404],
    ["/apis/apps/constructor/deployments", 404],
    ["/api/v1/constructor", 404],
    [`/api/v1/namespaces/default/configmaps/${"a".repeat(10_000)}`, 404, 400, 414],
    ["/\\..\\..\\", 404, 400],
    ["/openapi/v3/api/v1/../../../x", 404],
    ["/openapi/v3/__proto__", 404],
  ];
  for (const [path, ...codes] of cases) {
    const code = await statusOf(`GET ${path} HTTP/1.1`);
    t.ok(codes.includes(code), `${path.slice(0, 80)}: ${code}`);
  }
  t.ok([400, 404, 200].includes(await statusOf("GET http://elsewhere/api HTTP/1.1")), "absolute form");
  t.equal(await statusOf(`GET /api/${"a".repeat(200_000)} HTTP/1.1`), 431, "a line past the head's bound");
  t.equal(await statusOf("GET /api v1 HTTP/1.1"), 400, "a space in the path");
  t.ok([400, 404, 405, 501].includes(await statusOf("TRACE /api HTTP/1.1")), "an odd method");
  t.equal(await statusOf("CONNECT example.com:443 HTTP/1.1"), 0, "CONNECT: the connection is closed");
  t.equal(await statusOf("BREW /api HTTP/1.1"), 400, "no method");
  await stillServes(t, target, "odd paths");
});

t.test("headers", async (t) => {
  const flood = Array.from({ length: 5_000 }, (_, i) => `X-Flood-${i}: ${"x".repeat(100)}`);
  t.equal(await statusOf("GET /api HTTP/1.1", ...flood), 431, "a flood of headers");
  t.equal(await statusOf("GET /api HTTP/1.1", `X-Long: ${"x".repeat(1_000_000)}`), 431, "one without end");
  const both = ["Content-Length: 5", "Transfer-Encoding: chunked"];
  t.equal(await statusOf(`POST ${maps} HTTP/1.1`, ...both), 400, "two lengths of one body");
  t.equal(await statusOf(`POST ${maps} HTTP/1.1`, "Content-Length: 5", "Content-Length: 6"), 400, "two lengths");
  t.equal(await statusOf(`POST ${maps} HTTP/1.1`, "Content-Length: -1"), 400, "a length below nothing");
  t.equal(await statusOf("GET /api HTTP/1.1", "X-Bad\u0001: a"), 400, "a name with a control character");
  t.ok([400, 406].includes(await statusOf("GET /api/v1/pods HTTP/1.1", "Accept: text/html")), "nothing acceptable");
  t.equal(await statusOf("GET /api/v1/pods HTTP/1.1", `Accept: ${"a/b,".repeat(60)}*/*`), 200, "a long Accept");
  t.equal(await statusOf("GET /api/v1/pods HTTP/1.1", `Accept: ${"a/b,".repeat(2_000)}*/*`), 406, "too long a one");
  const types = ["application", "a/b; charset=\u00ff", "application/json; ;;=", "application/json\t"];
  for (const type of types) {
    const code = await statusOf(`POST ${maps} HTTP/1.1`, `Content-Type: ${type}`, "Content-Length: 2\r\n\r\n{}");
    t.ok([400, 415, 422].includes(code), `Content-Type ${type}: ${code}`);
  }
  for (const token of ["", "Bearer", "Bearer  ", `Bearer ${"x".repeat(9_000)}`, "Basic YTpi", "Negotiate x"]) {
    const answer = await target.sendRaw(
      `GET ${maps} HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\nConnection: close\r\n\r\n`,
    );
    t.match(answer, /^HTTP\/1\.1 (401|403)/, `Authorization ${token.slice(0, 20)}`);
  }
  await stillServes(t, target, "odd headers");
});

t.test("bytes that are no HTTP", async (t) => {
  const http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const all = ["\0\0\0\0\r\n\r\n", "\u0016\u0003\u0001\u0002\0\u0001\0", http2, "GET /\r\n\r\n", "x y z\r\n\r\n"];
  for (const bytes of all) t.match(await target.sendRaw(bytes), /^(HTTP\/1\.1 4\d\d |$)/, JSON.stringify(bytes));
  await stillServes(t, target, "bytes that are no HTTP");
});

t.test("queries", async (t) => {
  const list = async (query: string, ...codes: number[]): Promise<void> =>
    refused(t, target, query.slice(0, 60), { path: `${maps}?${query}` }, ...codes);
  const encode = encodeURIComponent;
  await list(`labelSelector=${encode("a in (")}`, 400);
  await list(`labelSelector=${encode(`${"(".repeat(5_000)}`)}`, 400);
  await list(`labelSelector=${encode("a==b==c")}`, 400);
  await list(`labelSelector=${encode("a=(a+)+$".repeat(50))}`, 400);
  await list(`labelSelector=${encode(`${"!".repeat(5_000)}a`)}`, 400);
  await list(`labelSelector=${encode("x".repeat(300))}`, 400);
  await list(`fieldSelector=${encode("metadata.name")}`, 400);
  await list(`fieldSelector=${encode("a\\=b,=,=")}`, 400);
  await list(`fieldSelector=${encode("spec.x=y")}`, 400);
  await list("limit=99999999999999999999", 400);
  await list("limit=x", 400);
  await list("continue=%%%", 400);
  await list("continue=e30", 400);
  const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  await list(`continue=${token({ v: "meta.k8s.io/v1", rv: 1e400, start: "x" })}`, 400);
  await list(`continue=${token({ v: "meta.k8s.io/v1", rv: 5, start: "../../secrets/x\0" })}`, 400);
  await list(`continue=${token({ v: "meta.k8s.io/v1", rv: 2 ** 52, start: "x\0" })}&limit=1`, 400, 410, 504);
  await list("resourceVersion=x", 400);
  await list("resourceVersion=-1", 400);
  await list("resourceVersion=99999999999999999999999999", 400, 504);
  await list("resourceVersionMatch=Exact", 400, 422);
  await list("resourceVersion=1&resourceVersionMatch=Odd", 400, 422);
  await list("watch=true&resourceVersion=abc", 400);
  await list("watch=true&sendInitialEvents=true", 400, 422);
  await list("watch=true&timeoutSeconds=x", 400);
  for (const grace of ["x", "99999999999999999999", "1e3", "-"]) {
    const path = `${maps}/nobody?gracePeriodSeconds=${grace}`;
    await refused(t, target, `gracePeriodSeconds=${grace}`, { method: "DELETE", path }, 400);
  }
  await stillServes(t, target, "odd queries");
});

t.test("a selector of thousands of values is answered", async (t) => {
  const values = Array.from({ length: 600 }, (_, i) => `v${i}`).join(",");
  const answer = await target.send({ path: `${maps}?labelSelector=${encodeURIComponent(`a in (${values})`)}` });
  t.equal(answer.statusCode, 200);
});

t.test("bodies that do not come hold nobody else up", async (t) => {
  const slow: Socket[] = [];
  t.teardown(() => slow.forEach((socket) => socket.destroy()));
  for (let i = 0; i < 200; i++) {
    const socket = connect(target.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const head = [`POST ${maps} HTTP/1.1`, "Host: x", `Authorization: ${authorization}`, "Content-Length: 1000000"];
    socket.write(i % 2 === 0 ? `${head.join("\r\n")}\r\n\r\n{"a` : "GET /api HT");
    slow.push(socket);
  }
  await Promise.all(slow.map((socket) => new Promise((resolve) => socket.once("ready", resolve))));
  for (let i = 0; i < 20; i++) t.equal((await target.send({ path: maps })).statusCode, 200);
  await stillServes(t, target, "two hundred slow requests");
});
