import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { stringify } from "yaml";
import { readConfig } from "../src/server/config.ts";

const pair = (what: string) => ({ certFile: `pki/${what}.crt`, keyFile: `pki/${what}.key` });
const joining = {
  name: "m4",
  dataDir: "m4",
  clusterToken: "feed",
  join: "existing",
  clusterId: "ef71a052f50df1",
  initialCluster: {
    m1: { peerUrl: "https://10.0.0.1:2380", clientUrl: "https://10.0.0.1:2379", id: "3b2d6704a9f13fa2" },
    m4: { peerUrl: "https://10.0.0.4:2380", clientUrl: "https://10.0.0.4:2379", id: "57420897644887ae" },
  },
  api: { listen: ["10.0.0.4:6443"], ...pair("api"), clientCaFile: "pki/ca.crt" },
  peer: { listen: "10.0.0.4:2380", ...pair("peer"), caFile: "pki/ca.crt" },
};

t.test("a master that joins a running cluster: ids from `member add --config-only`", async (t) => {
  const dir = t.testdir({});
  mkdirSync(join(dir, "pki"));
  for (const name of ["api.crt", "api.key", "peer.crt", "peer.key", "ca.crt", "sa.key"])
    writeFileSync(join(dir, "pki", name), "PEM");
  const file = join(dir, "m4.yaml");
  const read = (change: object) => {
    writeFileSync(file, stringify({ ...joining, ...change }));
    return readConfig(file);
  };
  t.match(await read({}), {
    ...{ name: "m4", join: true, clusterId: 0xef71a052f50df1n },
    initialCluster: [
      { name: "m1", id: 0x3b2d6704a9f13fa2n, peerUrl: "https://10.0.0.1:2380" },
      { name: "m4", id: 0x57420897644887aen, clientUrl: "https://10.0.0.4:2379" },
    ],
  });
  t.match(await read({ serviceAccounts: { keyFile: "pki/sa.key" } }), { serviceAccountKeyPem: "PEM" });
  await t.rejects(read({ serviceAccounts: { keyFil: "pki/sa.key" } }), {
    message: /serviceAccounts.keyFil is not known/,
  });
  t.match(await read({ flowControl: { seatsTotal: 200 } }), { seatsTotal: 200 });
  await t.rejects(read({ flowControl: { seatsTotal: 0 } }), {
    message: /flowControl.seatsTotal must be a whole number/,
  });
  await t.rejects(read({ flowControl: { seats: 1 } }), { message: /flowControl.seats is not known/ });
  const { join: joins, clusterId } = await read({ join: undefined, clusterId: undefined });
  t.same([joins, clusterId], [false, undefined]);
  await t.rejects(read({ clusterId: undefined }), {
    message: /join existing needs clusterId, and an id for each member/,
  });
  await t.rejects(read({ initialCluster: { m4: { peerUrl: "https://10.0.0.4:2380" } } }), {
    message: /an id for each/,
  });
  await t.rejects(read({ join: "maybe" }), { message: /join must be "new" or "existing"/ });
  await t.rejects(read({ clusterId: "0xZZ" }), { message: /clusterId must be an id in hexadecimal, in quotes/ });
  await t.rejects(read({ clusterId: 12 }), { message: /in quotes/ });
});
