import t from "tap";
import { storeClientContract } from "./store-client-contract.ts";
import { WorkerCluster } from "./worker-cluster.ts";

t.setTimeout(60_000); // members share the machine with whatever else runs

let lone = 0;
const loneRoot = t.testdir({});
storeClientContract("one member in a thread", async () => {
  lone += 1;
  const cluster = await WorkerCluster.start(`${loneRoot}/${lone}`, 1);
  await cluster.leader();
  return { store: cluster.store("m1"), passTime: () => undefined, end: () => cluster.close() };
});
