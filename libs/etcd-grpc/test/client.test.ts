import { createHash } from "node:crypto";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import t from "tap";
import { prefixEnd, utf8, utf8Text } from "@triarch/base";
import { snapshotStatus } from "@triarch/bbolt";
import type { KeyPair } from "@triarch/pki";
import { connectEtcd, GrpcError, type EtcdClient } from "../src/index.ts";
import { startEtcdPort } from "./etcd-port.ts";

const port = await startEtcdPort(t.testdir({}));
t.teardown(() => port.close());

function connect(
  t: { teardown: (end: () => unknown) => void },
  url = port.url,
  as: KeyPair = port.client,
  timeoutMs = 5_000,
): EtcdClient {
  const client = connectEtcd({ url, tls: { caPem: port.caPem, ...as }, timeoutMs });
  t.teardown(() => client.close());
  return client;
}

t.test("status, members, put, range, hash", async (t) => {
  const client = connect(t);
  const put = await client.put({ key: utf8("/k/1"), value: utf8("one") });
  await client.put({ key: utf8("/k/2"), value: utf8("two") });
  const range = await client.range({ key: utf8("/k/"), rangeEnd: prefixEnd(utf8("/k/")) });
  t.strictSame(
    range.kvs.map(({ key, value }) => `${utf8Text(key)}=${utf8Text(value)}`),
    ["/k/1=one", "/k/2=two"],
  );
  t.equal(range.header?.revision, (put.header?.revision ?? 0) + 1);
  const status = await client.status();
  t.match(status, { version: "3.6.5", leader: port.memberId, errors: [], header: { memberId: port.memberId } });
  t.match(await client.memberList(), { members: [{ name: "m1", id: port.memberId }] });
  t.match(await client.hashKv(0), { hash: (await port.server.hashKv({ revision: 0 })).hash });
});

t.test("errors have etcd's code and text, and the connection goes on", async (t) => {
  const client = connect(t);
  await t.rejects(client.put({ key: utf8("") }), { code: 3, message: "etcdserver: key is not provided" });
  const future = client.range({ key: utf8("/k"), revision: 1_000_000 });
  await t.rejects(future, { code: 11, message: "etcdserver: mvcc: required revision is a future revision" });
  await t.rejects(client.moveLeader(77n), { code: 9, message: "etcdserver: bad leader transferee" });
  await client.moveLeader(port.memberId);
  t.equal((await client.status()).version, "3.6.5");
});

t.test("a request that is too large is refused, and the next one is served", async (t) => {
  const client = connect(t);
  const put = (bytes: number) => client.put({ key: utf8("/large"), value: new Uint8Array(bytes) });
  await t.rejects(put(1_572_864), { code: 3, message: "etcdserver: request is too large" });
  await t.rejects(put(2_097_152), {
    code: 8,
    message: /^grpc: trying to send message larger than max \(\d+ vs\. 2097152\)$/,
  });
  await put(1_500_000);
  t.equal((await client.range({ key: utf8("/large") })).kvs[0]?.value.length, 1_500_000);
});

t.test("the bytes of a snapshot are a good snapshot file", async (t) => {
  const client = connect(t);
  for (let i = 0; i < 2_000; i++) {
    const last = client.put({ key: utf8(`/s/${i % 500}`), value: utf8(`${i}`.repeat(200)) });
    if (i % 50 === 49) await last;
    else last.catch((error: unknown) => t.fail("put", { error }));
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.snapshot()) chunks.push(chunk);
  const file = Buffer.concat(chunks);
  const status = await snapshotStatus(
    { sizeBytes: file.length, read: async (offset, length) => file.subarray(offset, offset + length) },
    createHash("sha256"),
  );
  t.equal(status.revision, port.server.header().revision);
  t.ok(status.totalKeys > 2_000, `${status.totalKeys} rows`);
  t.ok(file.length > 1_000_000 && file.length % 512 === 32, `${file.length} bytes`);
});

t.test("a snapshot that nobody wants any more ends", async (t) => {
  const client = connect(t);
  const stop = new AbortController();
  const read = async (): Promise<number> => {
    let bytes = 0;
    for await (const chunk of client.snapshot(stop.signal)) {
      bytes += chunk.length;
      stop.abort();
    }
    return bytes;
  };
  await t.rejects(read(), { code: 1 });
  await t.rejects(read(), { code: 1 }, "an aborted signal is seen before anything is sent");
  for await (const chunk of client.snapshot()) {
    t.ok(chunk.length > 0);
    break;
  }
  t.equal((await client.status()).errors.length, 0);
});

t.test("a certificate of another CA, a closed port, a silent one: an error that says where", async (t) => {
  await t.rejects(connect(t, port.url, port.stranger).status(), { code: 14, message: new RegExp(`^${port.url}: `) });
  await t.rejects(connect(t, "https://127.0.0.1:1").status(), { code: 14, message: /^https:\/\/127.0.0.1:1: / });
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.teardown(() => silent.close());
  const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const late = await connect(t, url, port.client, 50)
    .status()
    .catch((error: unknown) => error);
  t.type(late, GrpcError);
  t.match(late, { code: 4 });
});
