import t from "tap";
import { hex, utf8 } from "@triarch/base";
import * as proto from "../src/index.ts";

const { KeyValue, InternalRaftRequest, WatchResponse, WatchCreateRequest, TxnRequest, Compare } = proto;

t.test("KeyValue has Go's bytes: ascending fields, zeros left out", async (t) => {
  const encoded = KeyValue.encode({
    value: utf8("bar"),
    key: utf8("foo"),
    createRevision: 2,
    modRevision: 300,
    version: 1,
    lease: 0n,
  });
  t.equal(hex(encoded), "0a03666f6f" + "1002" + "18ac02" + "2001" + "2a03626172");
  t.equal(hex(KeyValue.encode({ key: utf8("foo") })), "0a03666f6f", "a tombstone's value holds the key alone");
  t.same(KeyValue.decode(encoded), {
    key: utf8("foo"),
    createRevision: 2,
    modRevision: 300,
    version: 1,
    value: utf8("bar"),
    lease: 0n,
  });
});

t.test("integers keep every bit", async (t) => {
  const header = proto.ResponseHeader;
  const ids = [1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 1n << 32n, (1n << 63n) + 5n, (1n << 64n) - 1n];
  for (const id of ids) t.equal(header.decode(header.encode({ clusterId: id })).clusterId, id, id.toString(16));
  for (const id of [-1n, -(1n << 63n), (1n << 63n) - 1n, 0x7587_9aa1_0c2e_4d03n]) {
    t.equal(KeyValue.decode(KeyValue.encode({ key: utf8("k"), lease: id })).lease, id, id.toString());
  }
  for (const revision of [1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -1, -(2 ** 40)]) {
    t.equal(KeyValue.decode(KeyValue.encode({ modRevision: revision })).modRevision, revision, String(revision));
  }
  t.equal(hex(WatchResponse.encode({ watchId: -1 })), "10ffffffffffffffffff01", "negative int64 takes ten bytes");
  t.throws(() => KeyValue.encode({ modRevision: 2 ** 53 }), /2\^53-1/);
  t.throws(() => KeyValue.decode(Uint8Array.of(0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)), /2\^53-1/);
});

t.test("oneof members are written even when zero; absent ones stay undefined", async (t) => {
  t.equal(hex(Compare.encode({ key: utf8("k"), target: 2, modRevision: 0 })), "1002" + "1a016b" + "3000");
  const decoded = Compare.decode(Compare.encode({ key: utf8("k"), modRevision: 0 }));
  t.equal(decoded.modRevision, 0);
  t.equal(decoded.version, undefined);
  t.equal(decoded.value, undefined);
});

t.test("packed and unpacked enumerations are both read", async (t) => {
  t.equal(hex(WatchCreateRequest.encode({ filters: [0, 1] })), "2a020001");
  t.same(WatchCreateRequest.decode(Uint8Array.of(0x2a, 2, 0, 1)).filters, [0, 1]);
  t.same(WatchCreateRequest.decode(Uint8Array.of(0x28, 1, 0x28, 0)).filters, [1, 0]);
  t.same(WatchCreateRequest.decode(new Uint8Array(0)).filters, [], "an earlier list is not shared");
});

t.test("log entries: etcd's field numbers, nested transactions", async (t) => {
  const request = InternalRaftRequest.create({
    header: { id: 7n, username: "root" },
    txn: {
      compare: [{ key: utf8("a"), target: 2, modRevision: 5 }],
      success: [
        { requestPut: { key: utf8("a"), value: utf8("1") } },
        { requestTxn: { failure: [{ requestRange: { key: utf8("b") } }] } },
      ],
    },
  });
  const encoded = InternalRaftRequest.encode(request);
  t.same(InternalRaftRequest.decode(encoded), request);
  t.match(hex(encoded), /^32/, "txn is field 6");
  t.match(hex(encoded), /a206080807|a2060808/, "header is field 100");
  t.equal(hex(InternalRaftRequest.encode({ leaseRevoke: { id: 1n } })), "4a020801");
});

t.test("unknown fields are skipped; damaged input is refused by name", async (t) => {
  t.equal(KeyValue.decode(Uint8Array.of(0xf8, 0x07, 1, 0x18, 9)).modRevision, 9);
  for (const damaged of [[0x0a, 5, 1], [0x0a], [0x18], [0x18, 0x80], [0x0b], [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]]) {
    t.throws(() => KeyValue.decode(Uint8Array.from(damaged)), { name: "DecodeError", message: /mvccpb\.KeyValue/ });
  }
  t.throws(
    () => proto.RangeResponse.decode(Uint8Array.of(0x12, 2, 0x0a, 1, 0x61)),
    /runs past/,
    "an inner field overruns",
  );
  let nested: proto.Init<typeof TxnRequest> = {};
  for (let depth = 0; depth < 60; depth++) nested = { success: [{ requestTxn: nested }] };
  t.throws(() => TxnRequest.decode(TxnRequest.encode(nested)), /nested deeper than 100/);
});

t.test("byte fields of a Buffer come back as plain arrays", async (t) => {
  const { key } = KeyValue.decode(Buffer.from("0a03666f6f", "hex"));
  t.equal(key.constructor, Uint8Array);
});

t.test("a message that fails to encode leaves nothing in the next", async (t) => {
  const good = hex(KeyValue.encode({ key: utf8("k") }));
  t.throws(() => InternalRaftRequest.encode({ put: { key: utf8("k"), lease: 1n << 64n } }), /64 bits/);
  t.equal(hex(KeyValue.encode({ key: utf8("k") })), good);
  const large = KeyValue.encode({ key: utf8("k"), value: new Uint8Array(3_000_000) });
  t.equal(KeyValue.decode(large).value.length, 3_000_000);
  t.equal(hex(KeyValue.encode({ key: utf8("k") })), good);
  t.equal(large.byteLength, large.buffer.byteLength, "no shared buffer behind a message");
});
