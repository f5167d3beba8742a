import { startRaftNode } from "@triarch/raft-node";
import { silentLogger } from "@triarch/telemetry";
import { nodeWalDisk, type WalDisk, type WalFile } from "@triarch/wal";
import { utf8 } from "@triarch/base";
import { startStore } from "../src/index.ts";

// One member whose log's disk fails at the sync after `failAfter` acknowledged writes, ended as a master ends: with
// the reason on stderr and code 1. Prints each key that was acknowledged, and "failing" when the disk begins to fail.

const [dataDir = "", failAfterText = "0"] = process.argv.slice(2);
const failAfter = Number(failAfterText);
let failing = false;

/** A disk whose sync fails once and works again after that, as a kernel that has dropped the pages does. */
function failingOnce(real: WalDisk): WalDisk {
  const wrap = (file: WalFile): WalFile => ({
    ...file,
    fdatasync: async () => {
      if (!failing) return file.fdatasync();
      failing = false;
      throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
    },
  });
  return { ...real, open: async (name, mode) => wrap(await real.open(name, mode)) };
}

const store = await startStore({
  name: "m1",
  dataDir,
  clusterToken: "test",
  initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
  listenPeer: { host: "127.0.0.1", port: 0 },
  timing: { tickMs: 10 },
  startRaft: (options) => startRaftNode({ ...options, walDisk: failingOnce(nodeWalDisk(`${options.dir}/wal`)) }),
  logger: silentLogger,
  onFatal: (error) => {
    process.stderr.write(`${error.message}\n`, () => process.exit(1));
  },
});
await store.server.readBarrier();
for (let i = 0; ; i++) {
  if (i === failAfter) {
    failing = true;
    process.stdout.write("failing\n");
  }
  await store.server.put({ key: utf8(`/k/${i}`), value: utf8("v") });
  process.stdout.write(`/k/${i}\n`);
}
