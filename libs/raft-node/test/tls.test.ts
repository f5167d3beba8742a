import t from "tap";
import { connect } from "node:net";
import { once } from "node:events";
import { createCa, issueCertificate } from "@triarch/pki";
import { proposeAll, TestCluster, texts, until } from "./support.ts";
import type { TestMember } from "./support.ts";

const nowMs = Date.now();
const ca = await createCa({ commonName: "peers", nowMs, validityDays: 1 });

async function peerTls(issuer: typeof ca): Promise<{ ca: string; cert: string; key: string }> {
  const usages = ["client", "server"] as const;
  const request = { commonName: "peer", ipAddresses: ["127.0.0.1"], usages, nowMs, validityDays: 1 };
  const { certificatePem, keyPem } = await issueCertificate(issuer, request);
  return { ca: ca.certificatePem, cert: certificatePem, key: keyPem };
}

t.test("three members over mutual TLS replicate, and fail over as without", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n], { tls: await peerTls(ca) });
  await cluster.start();
  const leader = await cluster.leader();
  proposeAll(leader.node, texts("a", 1_000));
  await cluster.applied(1_000);
  await cluster.stopOne(leader);
  const next = await cluster.leader();
  proposeAll(next.node, texts("b", 10));
  await cluster.applied(1_010);
  await cluster.startOne(leader);
  await cluster.applied(1_010);
  t.strictSame(leader.machine.items, next.machine.items);
});

t.test("a certificate of another authority gets nowhere, in either role", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n], { tls: await peerTls(ca) });
  const stranger = await createCa({ commonName: "peers", nowMs, validityDays: 1 });
  const [one, two, three] = cluster.members as [TestMember, TestMember, TestMember];
  await cluster.start([one, two]);
  await cluster.startOne(three, { tls: await peerTls(stranger) });
  const leader = one.node?.isLeader === true ? one : two;
  await until("the two agree", () => [one, two].some(({ node }) => node?.isLeader === true));
  const counted = [one, two].find(({ node }) => node?.isLeader === true) ?? leader;
  if (counted.node) proposeAll(counted.node, texts("a", 100));
  await cluster.applied(100, [one, two]);
  t.equal(three.node?.leader, 0n);
  t.strictSame(three.machine.items, []);
  for (const { node } of [one, two]) t.not(node?.status().peers.find(({ id }) => id === 3n)?.link, "connected");
});

t.test("who speaks no TLS is cut off", async (t) => {
  const cluster = new TestCluster(t, [1n], { tls: await peerTls(ca) });
  await cluster.start();
  const { node } = await cluster.leader();
  const socket = connect(node.peerAddress);
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  t.equal(node.isLeader, true);
});
