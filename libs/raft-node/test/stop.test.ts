import t from "tap";
import { proposeAll, TestCluster } from "./support.ts";

t.test("a node that is stopped twice at once closes its log once", async (t) => {
  const cluster = new TestCluster(t, [1n]);
  await cluster.start();
  const { node, machine } = await cluster.leader();
  // The commit index is left for the end to write.
  proposeAll(node, ["one"]);
  await cluster.applied(1);
  await Promise.all([node.stop(), node.stop({ handOver: true }), node.stop()]);
  t.strictSame(machine.items, ["one"]);
  await node.stop();
  t.equal(node.propose(new Uint8Array(1)), "stopped");
});
