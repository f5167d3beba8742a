import t, { type Test } from "tap";
import { seededRng, systemClock } from "@triarch/base";
import { ApiError, createKubeClient, resourceRefs, TransportError, type WatchEvent } from "@triarch/client";
import type { Pod } from "@triarch/api";
import { fakeMaster, json, type FakeMaster } from "./support.ts";

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a", namespace: "default", resourceVersion: "7" } };

async function threeMasters(t: Test, handle: FakeMaster["handle"]) {
  const masters = await Promise.all([fakeMaster(handle), fakeMaster(handle), fakeMaster(handle)]);
  const client = createKubeClient({
    access: { servers: masters.map((master) => master.url), insecureSkipTlsVerify: false },
    clock: systemClock,
    rng: seededRng(1),
    userAgent: "test",
    requestTimeoutMs: 5_000,
  });
  t.teardown(async () => {
    await client.close();
    await Promise.all(masters.map((master) => master.kill()));
  });
  return { masters, client };
}

t.test("every idempotent request succeeds while one master lives", async (t) => {
  const { masters, client } = await threeMasters(t, (_, response) => json(response, 200, pod));
  const read = () => client.get<Pod>(resourceRefs.pods, { namespace: "default", name: "a" });
  for (let i = 0; i < 10; i++) await read();
  await masters[0]?.kill();
  await Promise.all(Array.from({ length: 50 }, read));
  await masters[1]?.kill();
  const answers = await Promise.all(Array.from({ length: 50 }, read));
  t.equal(
    answers.every((answer) => answer.metadata?.name === "a"),
    true,
  );
});

t.test("a create whose connection broke after it was sent is not sent again", async (t) => {
  const { masters, client } = await threeMasters(t, (request) => request.socket.resetAndDestroy());
  const failure = await client.create(resourceRefs.pods, pod).catch((error: unknown) => error);
  t.ok(failure instanceof TransportError && !failure.notSent, String(failure));
  t.equal(masters.flatMap((master) => master.seen).length, 1);
});

t.test("a create goes to another master when it was provably not taken", async (t) => {
  const { masters, client } = await threeMasters(t, (_, response) => json(response, 201, pod));
  const [first, second] = masters;
  await first.kill();
  second.handle = (_, response) => json(response, 503, { kind: "Status" }, { "retry-after": "1" });
  for (let i = 0; i < 5; i++) t.equal((await client.create(resourceRefs.pods, pod)).metadata.name, "a");
});

t.test(
  "a master without room (429) is no dead one: watches on it go on, the request comes again or goes elsewhere",
  async (t) => {
    const { masters, client } = await threeMasters(t, (request, response) => {
      if (request.method === "GET")
        response.writeHead(200).write(`${JSON.stringify({ type: "ADDED", object: pod })}\n`);
      else response.writeHead(429, { "retry-after": "0" }).end("Too many requests, please try again later.\n");
    });
    const leave = new AbortController();
    let broken = 0;
    const watches = Array.from({ length: 6 }, async () => {
      const all = client.watch<Pod>(resourceRefs.pods, { resourceVersion: "1", signal: leave.signal });
      const events = all[Symbol.asyncIterator]();
      await events.next();
      return events.next().catch(() => (broken += leave.signal.aborted ? 0 : 1));
    });
    const creates = (): number => masters.flatMap(({ seen }) => seen).filter((line) => line.startsWith("POST")).length;
    const created = client.create(resourceRefs.pods, pod);
    while (creates() < 9) await new Promise((resolve) => setImmediate(resolve));
    t.ok(
      client.masters().every(({ healthy }) => healthy),
      "all masters are as good as before",
    );
    const [, second] = masters;
    second.handle = (_, response) => json(response, 201, pod);
    t.equal((await created).metadata.name, "a");
    t.equal(broken, 0);
    leave.abort();
    await Promise.all(watches);
  },
);

t.test("a master without room is asked again when it said, not before", async (t) => {
  const { masters, client } = await threeMasters(t, (_, response) => json(response, 201, pod));
  const refusedMs: number[] = [];
  for (const master of masters) {
    const ready = master.handle;
    master.handle = (request, response) => {
      if (refusedMs.length === masters.length) return ready(request, response);
      refusedMs.push(performance.now());
      return void response.writeHead(429, { "retry-after": "1" }).end();
    };
  }
  await client.create(resourceRefs.pods, pod);
  // A lower bound: a slow machine can only make it longer.
  t.ok(performance.now() - (refusedMs.at(-1) ?? 0) >= 990, "a second later");
});

t.test("a delete that an earlier try carried out is done, not missing", async (t) => {
  const { client } = await threeMasters(t, (request) => request.socket.resetAndDestroy());
  let tries = 0;
  const { masters, client: other } = await threeMasters(t, () => undefined);
  for (const master of masters) {
    master.handle = (request, response) => {
      tries += 1;
      if (tries === 1) request.socket.resetAndDestroy();
      else json(response, 404, { kind: "Status", code: 404, reason: "NotFound", message: "gone" });
    };
  }
  await other.delete(resourceRefs.pods, { namespace: "default", name: "a" });
  t.equal(tries, 2);
  await t.rejects(other.delete(resourceRefs.pods, { namespace: "default", name: "a" }), {
    code: 404,
    reason: "NotFound",
  });
  await client.close();
});

t.test("a master that is about to stop gets nothing new, and what runs on it ends in order", async (t) => {
  const { masters, client } = await threeMasters(t, (_, response) => json(response, 200, pod));
  const [stopping] = masters;
  const running = Promise.withResolvers<() => void>();
  for (const master of masters) {
    master.handle = (_, response) => running.resolve(() => json(response, 201, pod));
  }
  const created = client.create(resourceRefs.pods, pod);
  const finish = await running.promise;
  const busy = masters.find((master) => master.seen.length > 0) ?? stopping;
  busy.ready = false;
  const looks = busy.looks;
  while (busy.looks < looks + 3) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const master of masters) master.handle = (_, response) => json(response, 200, pod);
  const before = busy.seen.length;
  for (let i = 0; i < 30; i++) await client.get<Pod>(resourceRefs.pods, { namespace: "default", name: "a" });
  t.equal(busy.seen.length, before, "nothing new came");
  finish();
  t.match(await created, { metadata: { name: "a" } }, "the create was not given up");
  busy.ready = true;
  const again = busy.looks;
  while (busy.looks < again + 2) await new Promise((resolve) => setTimeout(resolve, 20));
  for (let i = 0; i < 30; i++) await client.get<Pod>(resourceRefs.pods, { namespace: "default", name: "a" });
  t.ok(busy.seen.length > before, "it is back");
});

t.test("a Status answer is an ApiError, anything else too", async (t) => {
  const { client } = await threeMasters(t, (_, response) => response.writeHead(502).end("bad gateway"));
  const failure = await client.get(resourceRefs.pods, { namespace: "d", name: "a" }).catch((error: unknown) => error);
  t.ok(failure instanceof ApiError && failure.code === 502 && failure.message === "bad gateway");
});

t.test("a watch yields its events and ends with an error when its master dies", async (t) => {
  const event = { type: "ADDED", object: pod };
  const line = `${JSON.stringify(event)}\n`;
  const { masters, client } = await threeMasters(t, (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(line + line.slice(0, 10));
    setImmediate(() => response.write(line.slice(10)));
  });
  const events: WatchEvent<Pod>[] = [];
  const watching = (async () => {
    for await (const one of client.watch<Pod>(resourceRefs.pods, { resourceVersion: "1" })) {
      events.push(one);
      if (events.length === 2) await Promise.all(masters.map((master) => master.kill()));
    }
  })();
  await t.rejects(watching);
  t.same(events, [event, event]);
  t.match(
    masters.flatMap((master) => master.seen),
    [/watch=true/],
  );
});
