import { MessageChannel } from "node:worker_threads";
import t from "tap";
import { ManualClock, utf8 } from "@triarch/base";
import { connectStore, serveStore, untakenBytesMax } from "../src/index.ts";
import { memoryEtcdServer } from "./memory-etcd-server.ts";
import { failsWith, storeClientContract } from "./store-client-contract.ts";
import { WatchRecorder } from "./watch-recorder.ts";

storeClientContract("bridge", async () => {
  const clock = new ManualClock();
  const { server } = memoryEtcdServer(clock);
  const { port1, port2 } = new MessageChannel();
  serveStore(port1, server);
  return { store: connectStore(port2), passTime: (ms) => clock.advance(ms) };
});

t.test("the store's end tells the other that it stops", async (t) => {
  const { server, store } = memoryEtcdServer(new ManualClock());
  const { port1, port2 } = new MessageChannel();
  const served = serveStore(port1, server);
  const client = connectStore(port2);
  const recorder = new WatchRecorder();
  client.watch("/", 1, recorder);
  await recorder.progress(1);
  store.failNext({ code: "noLeader" });
  await failsWith(t, client.readBarrier(), { code: "noLeader" });
  served.close();
  t.match(await recorder.end(), { code: "stopped" });
  await failsWith(t, client.readBarrier(), { code: "stopped" });
  await store.close();
});

t.test("a list longer than a page arrives whole", async (t) => {
  const { server, store } = memoryEtcdServer(new ManualClock());
  for (let i = 0; i < 11_000; i++) {
    await store.put({ key: `/p/${String(i).padStart(5, "0")}`, value: utf8(`${i}`), expectedModRevision: 0 });
  }
  const { port1, port2 } = new MessageChannel();
  serveStore(port1, server);
  const client = connectStore(port2);
  const all = await client.list("/p/");
  t.equal(all.rows.length, 11_000);
  t.equal(all.count, 11_000);
  t.equal(all.rows[10_999]?.key, "/p/10999");
  const most = await client.list("/p/", { limit: 10_400 });
  t.strictSame([most.rows.length, most.more, most.count], [10_400, true, 11_000]);
  await client.close();
  await store.close();
});

t.test("a list of large rows crosses in messages of a bounded size", async (t) => {
  const { server, store } = memoryEtcdServer(new ManualClock());
  const value = new Uint8Array(10_000).fill(7);
  for (let i = 0; i < 300; i++) await store.put({ key: `/p/${1000 + i}`, value, expectedModRevision: 0 });
  await store.put({ key: "/p/2000", value: new Uint8Array(600_000).fill(8), expectedModRevision: 0 });
  const { port1, port2 } = new MessageChannel();
  serveStore(port1, server);
  const client = connectStore(port2);
  const sizes: number[] = [];
  port2.on("message", ({ buffer }: Uint8Array<ArrayBuffer>) => sizes.push(buffer.byteLength));
  const { rows } = await client.list("/p/");
  t.equal(rows.length, 301);
  t.ok(rows.every((row, i) => row.value.length === (i < 300 ? 10_000 : 600_000)));
  t.strictSame([rows[0]?.value[0], rows[299]?.value[9_999], rows[300]?.value[599_999]], [7, 7, 8]);
  const large = sizes.filter((size) => size > 300_000);
  t.ok(sizes.length >= 12, `${sizes.length} messages`);
  t.ok(large.length === 1 && (large[0] ?? 0) < 610_000, `memory of large ones: ${large.join()}`);
  await client.close();
  await store.close();
});

t.test("a side that does not read is not sent more than the bound, and loses nothing", async (t) => {
  const { server, store } = memoryEtcdServer(new ManualClock());
  const { port1, port2 } = new MessageChannel();
  const relay = new MessageChannel();
  let passedBytes = 0;
  const held: Uint8Array<ArrayBuffer>[] = [];
  let open = false;
  // Stands between the two ends and holds what comes back while it is shut.
  const forward = (batch: Uint8Array<ArrayBuffer>): void => {
    passedBytes += batch.length;
    relay.port1.postMessage(batch, [batch.buffer]);
  };
  serveStore(port1, server);
  port2.on("message", (batch: Uint8Array<ArrayBuffer>) => {
    if (open) forward(batch);
    else held.push(batch);
  });
  relay.port1.on("message", (batch: Uint8Array<ArrayBuffer>) => port2.postMessage(batch, [batch.buffer]));
  relay.port1.on("close", () => port2.close());
  const client = connectStore(relay.port2);
  const recorder = new WatchRecorder();
  client.watch("/big/", 2, recorder);
  const value = new Uint8Array(1_000_000);
  const writes = 50;
  for (let i = 0; i < writes; i++) {
    await store.put({ key: `/big/${i}`, value, expectedModRevision: 0 });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const heldBytes = held.reduce((sum, batch) => sum + batch.length, 0);
  t.ok(heldBytes > untakenBytesMax / 2, "it was sent what there is room for");
  t.ok(heldBytes < untakenBytesMax + 2 * value.length, `and little more: ${heldBytes}`);
  open = true;
  held.splice(0).forEach(forward);
  await recorder.progress(writes + 1);
  t.equal(recorder.events.length, writes);
  t.strictSame(recorder.problems, []);
  t.ok(passedBytes > writes * value.length);
  await client.close();
  await store.close();
});
