// Clients of watches that do not read, or are not there any more: each holds back nobody, is cut off at a bound, and loses
// nothing when it comes back.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import t from "tap";
import { request } from "undici";
import { utf8 } from "@triarch/base";
import { watchBufferEventsMax } from "../src/storage/client-watch.ts";
import { configMap, startTestServer, token, until } from "./support/test-server.ts";

const server = await startTestServer({ tls: undefined });
const url = server.url.replace("https", "http");
const { port } = new URL(url);
const maps = "/api/v1/namespaces/default/configmaps";
const authorization = `Bearer ${token}`;
t.teardown(() => server.close());

/** What sockets of loopback swallow before a writer notices that nobody reads. */
const socketBytesMax = 16 * 1024 * 1024;
/** All changes together stay within what a watch cache remembers. */
const valueBytes = 8 * 1024;

async function revisionNow(): Promise<number> {
  const { body } = await request(`${url}${maps}?limit=1`, { headers: { authorization } });
  return Number(
    ((await body.json()) as { readonly metadata: { readonly resourceVersion: string } }).metadata.resourceVersion,
  );
}

async function openWatch(revision: number): Promise<Socket> {
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  socket.write(
    `GET ${maps}?watch=1&resourceVersion=${revision} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`,
  );
  await once(socket, "data");
  socket.pause();
  return socket;
}

async function* revisionsOf(body: AsyncIterable<string>): AsyncGenerator<number> {
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { object } = JSON.parse(line) as {
        readonly object: { readonly metadata: { readonly resourceVersion: string } };
      };
      yield Number(object.metadata.resourceVersion);
    }
  }
}

async function readWatch(revision: number, signal: AbortSignal, seen: number[]): Promise<void> {
  const { body } = await request(`${url}${maps}?watch=1&resourceVersion=${revision}`, {
    headers: { authorization },
    signal,
  });
  for await (const one of revisionsOf(body.setEncoding("utf8") as AsyncIterable<string>)) seen.push(one);
}

t.test("a watcher that does not read is cut off; nobody else is, and it loses nothing when it returns", async (t) => {
  const start = await revisionNow();
  const slow = await request(`${url}${maps}?watch=1&resourceVersion=${start}`, { headers: { authorization } });
  const stop = new AbortController();
  const seen: number[] = [];
  const reading = readWatch(start, stop.signal, seen).catch(() => undefined);
  // Straight into the store: what many clients write in a while.
  const revisions: number[] = [];
  const value = "x".repeat(valueBytes);
  for (let n = 0; n < watchBufferEventsMax + socketBytesMax / valueBytes; n += 1) {
    const name = `m${n}`;
    const object = { ...configMap(name, { value }), metadata: { name, namespace: "default" } };
    const key = `/registry/configmaps/default/${name}`;
    const outcome = await server.store.put({ key, value: utf8(JSON.stringify(object)), expectedModRevision: 0 });
    if (outcome.kind === "written") revisions.push(outcome.revision);
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until("the reader to have everything", () => (seen.at(-1) ?? 0) >= (revisions.at(-1) ?? 0), 30_000);
  t.same(seen, revisions, `whoever reads gets all ${revisions.length} changes, once and in order`);

  const late: number[] = [];
  const cutOff = (async () => {
    for await (const one of revisionsOf(slow.body.setEncoding("utf8") as AsyncIterable<string>)) late.push(one);
  })();
  await t.rejects(cutOff, "the slow one's connection was broken off, so that it knows");
  t.ok(late.length + watchBufferEventsMax <= revisions.length, `it had read ${late.length}`);
  const rest: number[] = [];
  const back = readWatch(late.at(-1) ?? start, stop.signal, rest).catch(() => undefined);
  await until("it has caught up", () => (rest.at(-1) ?? 0) >= (revisions.at(-1) ?? 0), 30_000);
  t.same([...late, ...rest], revisions, "and from its last revision on it gets the rest");
  stop.abort();
  await Promise.all([reading, back]);
});

t.test("watchers that go away leave nothing behind", async (t) => {
  const watchers = async (): Promise<number> =>
    process.getActiveResourcesInfo().filter((one) => one === "TCPSocketWrap").length;
  const before = await watchers();
  const start = await revisionNow();
  const sockets: Socket[] = [];
  for (let i = 0; i < 50; i += 1) sockets.push(await openWatch(start));
  for (const [i, socket] of sockets.entries()) {
    if (i % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  await until("the server has let go of them", async () => (await watchers()) <= before);
  t.pass();
});
