import { open } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t from "tap";
import { utf8 } from "@triarch/base";
import { silentLogger } from "@triarch/telemetry";
import { startStore } from "../src/index.ts";
import { LoneRaft } from "./lone-raft.ts";

t.setTimeout(120_000); // 200 MiB to a disk shared with whatever else runs

const mib = 1024 * 1024;
const storeMib = 200;
/** LevelDB's block cache and write buffers, chunks under way, and what the collector has not taken yet. */
const growthMaxBytes = 64 * mib;
/** What is really held: chunks under way. Looked at once in so many bytes of the file. */
const heldMaxBytes = 32 * mib;
const lookEachBytes = 20 * mib;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

t.test("a snapshot of 200 MiB streams in bounded memory while writes go on", async (t) => {
  const store = await startStore({
    ...{ name: "m1", dataDir: t.testdir({}), clusterToken: "one", logger: silentLogger },
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    listenPeer: { host: "127.0.0.1", port: 0 },
    startRaft: (raft) => LoneRaft.start(raft),
    onFatal: (error) => t.fail("fatal", { error }),
  });
  const { server } = store;
  const value = Buffer.alloc(mib);
  for (let i = 0; i < storeMib; i++) {
    value.writeUInt32LE(i);
    await server.put({ key: utf8(`/k/${i}`), value: Buffer.from(value) });
    // A slow disk is waited for now and then, or the store would refuse more. After the last nothing is held in memory.
    if (i % 20 === 19) await server.hash();
  }
  const heldBeforeBytes = heldBytes();
  let mostHeldBytes = heldBeforeBytes;
  const beforeBytes = process.memoryUsage().rss;
  let mostBytes = beforeBytes;
  let acknowledged = 0;
  let saving = true;
  const writing = (async () => {
    while (saving) {
      await server.put({ key: utf8("/while/saving"), value: utf8(`${acknowledged}`) });
      acknowledged += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const file = await server.snapshot();
  const out = await open(join(t.testdirName, "snapshot.db"), "w");
  let writtenBytes = 0;
  for await (const chunk of file.chunks) {
    await out.write(chunk);
    const looks = Math.floor(writtenBytes / lookEachBytes);
    writtenBytes += chunk.length;
    if (Math.floor(writtenBytes / lookEachBytes) > looks) mostHeldBytes = Math.max(mostHeldBytes, heldBytes());
    mostBytes = Math.max(mostBytes, process.memoryUsage().rss);
  }
  await out.close();
  saving = false;
  await writing;
  t.equal(writtenBytes, file.sizeBytes);
  t.ok(writtenBytes > storeMib * mib, `${Math.round(writtenBytes / mib)} MiB`);
  t.ok(acknowledged > 3, `${acknowledged} writes were acknowledged meanwhile`);
  const held = mostHeldBytes - heldBeforeBytes;
  t.ok(held < heldMaxBytes, `${Math.round(held / mib)} MiB were held`);
  const growth = mostBytes - beforeBytes;
  t.ok(growth < growthMaxBytes, `memory grew by ${Math.round(growth / mib)} MiB`);
  await store.close();
});
