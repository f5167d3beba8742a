import t from "tap";
import { seededRng, utf8 } from "@triarch/base";
import * as proto from "../src/index.ts";

t.test(
  "names of the .proto files, base64, 64-bit integers as text, enumerations by name, zeros left out",
  async (t) => {
    t.strictSame(
      proto.RangeResponse.toJson({
        header: { clusterId: 2n ** 64n - 1n, memberId: 7n, revision: 3, raftTerm: 0 },
        kvs: [
          {
            key: utf8("foo"),
            createRevision: 2,
            modRevision: 3,
            version: 1,
            value: Uint8Array.of(255, 254),
            lease: -5n,
          },
        ],
        count: 1,
      }),
      {
        header: { cluster_id: "18446744073709551615", member_id: "7", revision: "3" },
        kvs: [{ key: "Zm9v", create_revision: "2", mod_revision: "3", version: "1", value: "//4=", lease: "-5" }],
        count: "1",
      },
    );
    t.strictSame(proto.LeaseTimeToLiveResponse.toJson({ id: 7n, ttl: -1, grantedTtl: 60, keys: [utf8("a")] }), {
      ID: "7",
      TTL: "-1",
      grantedTTL: "60",
      keys: ["YQ=="],
    });
    t.strictSame(proto.Event.toJson({ type: proto.EventType.delete, kv: {} }), { type: "DELETE", kv: {} });
    t.strictSame(proto.HashKvResponse.toJson({ hash: 5, hashRevision: 9 }), { hash: 5, hash_revision: "9" });
  },
);

t.test("is read in every form that proto3 allows", async (t) => {
  const forms = [
    { range_end: "Zm9w", sort_order: "DESCEND", limit: "5", serializable: true },
    { rangeEnd: "Zm9w", sortOrder: 2, limit: 5, serializable: true, unknown: { is: "passed over" }, key: null },
  ];
  const expected = proto.RangeRequest.create({ rangeEnd: utf8("fop"), sortOrder: 2, limit: 5, serializable: true });
  for (const form of forms) t.strictSame(proto.RangeRequest.fromJson(form), expected);
  for (const value of ["-_8=", "-_8", "+/8="]) {
    t.strictSame(proto.PutRequest.fromJson({ value }).value, Uint8Array.of(251, 255), value);
  }
});

t.test("what is no such message is refused with the field's name", async (t) => {
  const wrong = [
    [[], /RangeRequest/],
    ["text", /RangeRequest/],
    [{ key: 1 }, /^key: /],
    [{ key: "%" }, /^key: not base64/],
    [{ revision: "x" }, /^revision: /],
    [{ revision: 1.5 }, /^revision: /],
    [{ revision: "9007199254740993" }, /^revision: /],
    [{ sort_order: "UP" }, /^sort_order: not one of NONE, ASCEND, DESCEND/],
    [{ keys_only: "yes" }, /^keys_only: /],
  ] as const;
  for (const [form, message] of wrong) t.throws(() => proto.RangeRequest.fromJson(form), { message });
  t.throws(() => proto.LeaseRevokeRequest.fromJson({ ID: "9223372036854775808" }), {
    message: /^ID: not an integer of 64/,
  });
  t.throws(() => proto.TxnRequest.fromJson({ success: {} }), { message: /^success: not a list/ });
  t.throws(() => proto.TxnRequest.fromJson({ compare: [{ key: 1 }] }), { message: /^compare: key: / });
});

t.test("there and back again, whatever is in it", async (t) => {
  const rng = seededRng(7);
  const bytes = (): Uint8Array => Uint8Array.from({ length: rng.int(20) }, () => rng.int(256));
  for (let i = 0; i < 200; i++) {
    const request = proto.TxnRequest.create({
      compare: [{ key: bytes(), target: rng.int(5), result: rng.int(4), rangeEnd: bytes(), modRevision: rng.int(9) }],
      success: [{ requestPut: { key: bytes(), value: bytes(), lease: BigInt(rng.int(2 ** 31)) - 2n ** 30n } }],
      failure: [{ requestTxn: { success: [{ requestDeleteRange: { key: bytes(), prevKv: true } }] } }],
    });
    t.strictSame(proto.TxnRequest.fromJson(JSON.parse(JSON.stringify(proto.TxnRequest.toJson(request)))), request);
  }
});
