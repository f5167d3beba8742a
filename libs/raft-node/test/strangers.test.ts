import t from "tap";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { makeMessage } from "@triarch/raft";
import { frame, FrameReader, frameTypes, messageFrames } from "../src/transport/frames.ts";
import { decodeAnswer, encodeHello } from "../src/transport/handshake.ts";
import { proposeAll, TestCluster, until } from "./support.ts";
import type { TestMember } from "./support.ts";

const hello = { version: 1, clusterId: 0xc1n, memberId: 2n, to: 1n, kind: "control" } as const;

/** A peer made by hand. */
async function dialAs(cluster: TestCluster, fields: object): Promise<{ socket: Socket; refusal: string }> {
  const address = cluster.members[0]?.node?.peerAddress;
  const socket = connect(address ?? { port: 0 });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const answered = new Promise<string>((resolve) => {
    const reader = new FrameReader();
    socket.on("data", (chunk: Uint8Array) =>
      reader.push(chunk, ({ type, bytes, start, end }) => {
        if (type === frameTypes.answer) resolve(decodeAnswer(bytes.subarray(start, end)).refusal);
      }),
    );
  });
  socket.write(frame(frameTypes.hello, encodeHello({ ...hello, ...fields })));
  return { socket, refusal: await answered };
}

t.test("strangers are refused with a reason and cut off", async (t) => {
  const cluster = new TestCluster(t, [1n]);
  await cluster.start();
  for (const [fields, reason] of [
    [{ clusterId: 5n }, /cluster 5 is not c1/],
    [{ to: 9n }, /member 9 was called, this is 1/],
    [{ memberId: 1n }, /own id/],
    [{ version: 99 }, /protocol version 99/],
  ] as const) {
    const { socket, refusal } = await dialAs(cluster, fields);
    t.match(refusal, reason);
    if (!socket.destroyed) await once(socket, "close");
  }
});

t.test("a peer that breaks the protocol is cut off, and the member lives", async (t) => {
  const cluster = new TestCluster(t, [1n]);
  await cluster.start();
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    frame(99 as 1, new Uint8Array(3)),
    frame(frameTypes.message, Uint8Array.of(8, 99)),
    frame(frameTypes.snapshotChunk, new Uint8Array(3)),
    messageFrames([makeMessage("MsgApp", { from: 3n, to: 1n, term: 90 })], 0),
    messageFrames([makeMessage("MsgApp", { from: 2n, to: 7n, term: 90 })], 0),
  ]) {
    const { socket } = await dialAs(cluster, {});
    socket.write(bytes);
    socket.resume();
    await once(socket, "close");
  }
  const { node } = await cluster.leader();
  t.ok(node.term < 90, "nothing of it reached Raft");
  proposeAll(node, ["alive"]);
  await cluster.applied(1);
});

t.test("a member of another cluster at a peer's address: both sides say so", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n]);
  const [one, two] = cluster.members as [TestMember, TestMember];
  await cluster.startOne(one);
  await cluster.startOne(two, { clusterId: 0xbadn });
  await until("refused", () => one.node?.status().peers[0]?.link === "refused");
  t.match(one.node?.status().peers[0]?.lastRefusal, /cluster c1 is not bad/);
  await until("refused there, too", () => two.node?.status().peers[0]?.link === "refused");
});

t.test("a member that was removed is refused and told so, also by peers that started later", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n]);
  const [one, two] = cluster.members as [TestMember, TestMember];
  const told: string[] = [];
  await cluster.startOne(one, { isRemoved: (id) => id === 2n });
  await cluster.startOne(two, { onRemoved: (refusal) => void told.push(refusal) });
  await until("told", () => told.length > 0);
  t.strictSame(told, ["member 2 was removed from the cluster"]);
  t.equal(two.node?.status().peers[0]?.link, "refused");
  const { refusal } = await dialAs(cluster, { kind: "bulk" });
  t.match(refusal, /member 2 was removed/);
});

t.test("a member that comes without the log it had is refused, also when it is called, and ends", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n]);
  const hasStarted = (id: bigint): boolean => id === 3n;
  const [one, two, three] = cluster.members as [TestMember, TestMember, TestMember];
  await cluster.start([one, two], { hasStarted });
  const { node } = await cluster.leader();
  proposeAll(node, ["a"]);
  await cluster.applied(1);
  await cluster.startOne(three);
  await until("it to end", () => three.fatal.length > 0);
  t.match(three.fatal[0], { name: "RaftNodeError", failure: "lostLog", message: /member 3 .* comes without its log/ });
  t.equal(three.machine.items.length, 0, "nothing reached it, so that its log stays as it is");
  await cluster.stopOne(three);
  three.fatal.length = 0;
  await cluster.startOne(three);
  await until("it to end again", () => three.fatal.length > 0);
  await cluster.stopOne(three);
});

t.test("a proposal forwarded in another term is dropped", async (t) => {
  const cluster = new TestCluster(t, [1n]);
  await cluster.start();
  const { node } = await cluster.leader();
  const { socket } = await dialAs(cluster, { kind: "bulk" });
  const proposal = (text: string): ReturnType<typeof makeMessage> =>
    makeMessage("MsgProp", {
      ...{ from: 2n, to: 1n },
      entries: [{ term: 0, index: 0, type: "normal", data: new TextEncoder().encode(text) }],
    });
  socket.write(messageFrames([proposal("late")], node.term - 1));
  socket.write(messageFrames([proposal("early")], node.term + 1));
  socket.write(messageFrames([proposal("in time")], node.term));
  await cluster.applied(1);
  t.strictSame(cluster.members[0]?.machine.items, ["in time"]);
  socket.destroy();
});
