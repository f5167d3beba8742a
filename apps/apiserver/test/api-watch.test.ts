// Watches over a real socket: chunked HTTP/1.1, HTTP/2 and WebSocket.
import http2 from "node:http2";
import t from "tap";
import { request } from "undici";
import { WebSocket } from "ws";
import type { JsonObject } from "@triarch/api";
import { configMap, startTestServer, testCa, token, until } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());
const { call, url, agent } = server;
const maps = "/api/v1/namespaces/default/configmaps";
const authorization = `Bearer ${token}`;

interface Event {
  readonly type: string;
  readonly object: JsonObject;
}

/** Collects the events of one watch until it ends or is closed. */
async function watch(query: string, headers: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController();
  const answer = await request(`${url}${maps}?watch=1&${query}`, {
    dispatcher: agent,
    headers: { authorization, ...headers },
    signal: stop.signal,
  });
  const events: Event[] = [];
  const ended = (async () => {
    let rest = "";
    for await (const chunk of answer.body.setEncoding("utf8") as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      events.push(...lines.map((line) => JSON.parse(line) as Event));
    }
  })();
  return {
    statusCode: answer.statusCode,
    events,
    ended: ended.catch(() => undefined),
    close: () => stop.abort(),
  };
}

const named = ({ type, object }: Event): string =>
  `${type} ${(object["metadata"] as { readonly name?: string }).name ?? ""}`;
const version = async (): Promise<string> =>
  ((await call("GET", maps)).body["metadata"] as { readonly resourceVersion: string }).resourceVersion;

t.test("events after a version, with selector transitions", async (t) => {
  const start = await version();
  const all = await watch(`resourceVersion=${start}`);
  const some = await watch(`resourceVersion=${start}&labelSelector=${encodeURIComponent("x=1")}`);
  const merge = { "content-type": "application/merge-patch+json" };
  await call("POST", maps, { ...configMap("w"), metadata: { name: "w", labels: { x: "1" } } });
  await call("PATCH", `${maps}/w`, { metadata: { labels: { x: "2" } } }, merge);
  await call("PATCH", `${maps}/w`, { metadata: { labels: { x: "1" } } }, merge);
  await call("DELETE", `${maps}/w`);
  await until("four events", () => all.events.length === 4 && some.events.length === 4);
  t.same(all.events.map(named), ["ADDED w", "MODIFIED w", "MODIFIED w", "DELETED w"]);
  t.same(some.events.map(named), ["ADDED w", "DELETED w", "ADDED w", "DELETED w"]);
  all.close();
  some.close();
});

t.test("a watch ends at its time", async (t) => {
  const { ended, statusCode } = await watch("timeoutSeconds=1");
  await ended;
  t.equal(statusCode, 200);
});

t.test("WatchList: the state, then the bookmark that says so", async (t) => {
  await call("POST", maps, configMap("state"));
  const list = await watch("sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
  await until("the bookmark", () => list.events.at(-1)?.type === "BOOKMARK");
  t.ok(list.events.map(named).includes("ADDED state"));
  t.match(list.events.at(-1)?.object, { metadata: { annotations: { "k8s.io/initial-events-end": "true" } } });
  list.close();
});

t.test("tables: columns only in the first event", async (t) => {
  const tables = await watch("", { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" });
  await call("POST", maps, configMap("t1"));
  await until("two events", () => tables.events.length >= 2);
  t.match(tables.events[0], { type: "ADDED", object: { kind: "Table", columnDefinitions: [{ name: "Name" }] } });
  t.notOk(tables.events[1]?.object["columnDefinitions"]);
  tables.close();
});

t.test("bad versions and selectors are refused before the stream starts", async (t) => {
  t.equal((await watch("resourceVersion=x")).statusCode, 400);
  t.equal((await watch("labelSelector=a==b==c")).statusCode, 400);
  t.equal((await watch("fieldSelector=spec.nope=1")).statusCode, 400);
  const future = await watch("resourceVersion=99999999&timeoutSeconds=1");
  future.close();
});

t.test("over HTTP/2, many watches on one connection", async (t) => {
  const session = http2.connect(url, { ca: testCa.certificatePem });
  t.teardown(() => session.close());
  const texts = Array.from({ length: 20 }, () => "");
  const streams = texts.map((_, i) => {
    const stream = session.request({ ":path": `${maps}?watch=1&fieldSelector=metadata.name%3Dh2`, authorization });
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      texts[i] += chunk;
    });
    return stream;
  });
  await Promise.all(streams.map((stream) => new Promise((resolve) => stream.once("response", resolve))));
  await call("POST", maps, configMap("h2"));
  await until("every stream has the event", () => texts.every((text) => text.includes('"ADDED"')));
  for (const stream of streams) stream.close();
  t.pass("all saw it");
});

t.test("over WebSocket; other paths are refused before it opens", async (t) => {
  const open = (path: string) =>
    new WebSocket(url.replace("https", "wss") + path, { ca: testCa.certificatePem, headers: { authorization } });
  const socket = open(`${maps}?watch=1&fieldSelector=metadata.name%3Dws`);
  const events: Event[] = [];
  socket.on("message", (data: Buffer) => events.push(JSON.parse(data.toString()) as Event));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  await call("POST", maps, configMap("ws"));
  await until("the event", () => events.length === 1);
  t.equal(named(events[0] as Event), "ADDED ws");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.close();
  await closed;
  for (const path of [`${maps}/ws`, "/nowhere", `${maps}?watch=1&labelSelector=a==b==c`]) {
    const refused = open(path);
    const message = await new Promise<string>((resolve) => {
      refused.once("error", (error) => resolve(error.message));
      refused.once("open", () => resolve("opened"));
    });
    t.match(message, /Unexpected server response: (200|400|404)/, path);
  }
});
