import t from "tap";
import { concatBytes, equalBytes, utf8 } from "@triarch/base";
import {
  applyDefaults,
  base64Bytes,
  Base64Error,
  base64Text,
  childOf,
  decodeProtobuf,
  encodeProtobuf,
  encodeProtobufList,
  encodeWatchFrame,
  ProtobufError,
  prune,
  readStructure,
  resources,
  apiVersionOf,
  typeNameOfKind,
} from "@triarch/api";
import type { JsonObject, MutableObject } from "@triarch/api";
import { clusterObjects, clusterSnapshot, exchanges, recordedMissing } from "./recorded.ts";
import { rareKinds } from "./rare-kinds.ts";

/** One field with a length, written by hand. */
function field(number: number, content: Uint8Array | string): Uint8Array {
  const bytes = typeof content === "string" ? utf8(content) : content;
  if (bytes.length >= 0x4000) throw new RangeError("a hand-written length has two bytes at most");
  const length = bytes.length < 0x80 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  const tag = (number << 3) | 2;
  return concatBytes([
    Uint8Array.from(tag < 0x80 ? [tag] : [(tag & 0x7f) | 0x80, tag >> 7]),
    Uint8Array.from(length),
    bytes,
  ]);
}
const varint = (number: number, value: number): Uint8Array => Uint8Array.of(number << 3, value);
const join = (...parts: Uint8Array[]): Uint8Array => concatBytes(parts);
function envelope(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  return join(
    utf8("k8s\0"),
    field(1, join(field(1, apiVersion), field(2, kind))),
    field(2, raw),
    field(3, ""),
    field(4, ""),
  );
}

t.test("a Deployment as kubectl create sends it", async (t) => {
  const labels = field(11, join(field(1, "app"), field(2, "web")));
  const container = join(
    field(1, "nginx"),
    field(2, "nginx:1"),
    field(5, ""),
    field(8, new Uint8Array(0)),
    field(13, ""),
    field(14, ""),
    varint(16, 0).length === 2 ? join(Uint8Array.of(0x80, 0x01, 0), Uint8Array.of(0x88, 0x01, 0)) : new Uint8Array(0),
  );
  const template = join(
    field(1, labels),
    field(2, join(field(2, container), field(3, ""), field(6, ""), varint(11, 0))),
  );
  const strategy = field(4, field(1, ""));
  const spec = join(
    varint(1, 0),
    field(2, field(1, join(field(1, "app"), field(2, "web")))),
    field(3, template),
    strategy,
    varint(5, 0),
    varint(7, 0),
  );
  const body = envelope(
    "apps/v1",
    "Deployment",
    join(field(1, join(field(1, "web"), field(2, ""))), field(2, spec), field(3, varint(1, 0))),
  );
  const { apiVersion, kind, object } = decodeProtobuf(body);
  t.equal(apiVersion, "apps/v1");
  t.equal(kind, "Deployment");
  t.same(object, {
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name: "web" },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "nginx", image: "nginx:1", resources: {} }] },
      },
      strategy: {},
    },
    status: {},
  });
});

t.test("values that are messages on the wire and scalars in JSON", async (t) => {
  const service = {
    kind: "Service",
    apiVersion: "v1",
    metadata: { name: "s", creationTimestamp: "2026-01-02T03:04:05Z" },
    spec: {
      ports: [
        { name: "a", protocol: "TCP", port: 80, targetPort: "http" },
        { name: "b", protocol: "UDP", port: 53, targetPort: 5353 },
      ],
      selector: { __proto__x: "1", app: "web" },
    },
    status: { loadBalancer: {} },
  };
  t.same(decodeProtobuf(encodeProtobuf("v1", "Service", service)).object, service);
  const lease = {
    kind: "Lease",
    apiVersion: "coordination.k8s.io/v1",
    metadata: { name: "l" },
    spec: {
      holderIdentity: "",
      leaseDurationSeconds: 0,
      renewTime: "2026-01-02T03:04:05.000006Z",
      leaseTransitions: 0,
    },
  };
  t.same(
    decodeProtobuf(encodeProtobuf("coordination.k8s.io/v1", "Lease", lease)).object,
    lease,
    "zero behind a pointer is kept",
  );
  const secret = {
    kind: "Secret",
    apiVersion: "v1",
    metadata: { name: "x" },
    data: { empty: "", blob: "AAEC/w==" },
    type: "Opaque",
  };
  t.same(decodeProtobuf(encodeProtobuf("v1", "Secret", secret)).object, secret);
  const revision = {
    kind: "ControllerRevision",
    apiVersion: "apps/v1",
    metadata: { name: "c" },
    data: { spec: { template: { x: [1, null] } } },
    revision: 9_007_199_254_740_991,
  };
  t.same(decodeProtobuf(encodeProtobuf("apps/v1", "ControllerRevision", revision)).object, revision);
  const claim = {
    kind: "PodList",
    apiVersion: "v1",
    metadata: { resourceVersion: "7" },
    items: [
      {
        metadata: { name: "p" },
        spec: { containers: [{ name: "c", resources: { limits: { cpu: "100m" } } }] },
        status: {},
      },
    ],
  };
  t.same(decodeProtobuf(encodeProtobuf("v1", "PodList", claim)).object, claim);
  const options = {
    kind: "DeleteOptions",
    apiVersion: "v1",
    gracePeriodSeconds: 0,
    preconditions: { uid: "" },
    propagationPolicy: "Background",
  };
  t.same(decodeProtobuf(encodeProtobuf("v1", "DeleteOptions", options)).object, options);
});

t.test("hostile and foreign bytes get a clear error", async (t) => {
  const pod = encodeProtobuf("v1", "Pod", {
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  const typeMetaEnd = 15;
  t.same(Object.keys(decodeProtobuf(pod.subarray(0, typeMetaEnd)).object), [
    "kind",
    "apiVersion",
    "metadata",
    "spec",
    "status",
  ]);
  for (let length = 0; length < pod.length - 4; length++) {
    if (length === typeMetaEnd) continue;
    try {
      decodeProtobuf(pod.subarray(0, length));
      t.fail(`the first ${length} bytes decode`);
    } catch (error) {
      if (!(error instanceof ProtobufError)) t.fail(`${length} bytes: ${String(error)}`);
    }
  }
  t.throws(() => decodeProtobuf(utf8('{"kind":"Pod"}')), /does not start with/);
  t.throws(
    () => decodeProtobuf(envelope("v1", "Nothing", new Uint8Array(0))),
    /no kind "Nothing" is registered for version "v1"/,
  );
  t.throws(() => decodeProtobuf(envelope("v1", "Pod", varint(1, 5))), /wire type 0 where 2 belongs/);
  let deep: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < 300; i++) deep = field(26, deep);
  const schema = join(field(1, "v1"), field(4, field(1, deep)));
  const crd = envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", field(2, field(7, schema)));
  t.throws(() => decodeProtobuf(crd), /nested deeper than 128/);
  t.throws(() => encodeProtobuf("v1", "Pod", { spec: { nodeName: 5 } }), /field nodeName: 5 is not a text/);
});

t.test("a length past the end of the inner message is refused even inside a longer body", async (t) => {
  // The name claims 60 bytes, more than its ObjectMeta has, but the body goes on far enough.
  const metadata = Uint8Array.of(0x0a, 60, 0x78);
  const body = envelope(
    "v1",
    "ConfigMap",
    join(field(1, metadata), field(2, join(field(1, "k"), field(2, "v".repeat(100))))),
  );
  t.throws(() => decodeProtobuf(body), /runs past the end/);
});

t.test("base64 as Go reads it", async (t) => {
  for (const text of ["", "AA==", "AAE=", "AAEC", "/+8="]) t.equal(base64Text(base64Bytes(text)), text);
  t.same([...base64Bytes("AA\nEC")], [0, 1, 2]);
  const refused: readonly (readonly [string, number])[] = [
    ["Not_Valid!", 3],
    ["AAECx", 4],
    ["A", 0],
    ["AA=", 3],
    ["AA==x", 4],
    ["A===", 1],
  ];
  for (const [text, offset] of refused)
    t.throws(() => base64Bytes(text), new Base64Error(offset), `${text} is bad at ${offset}`);
});

t.test("every served kind round-trips", { skip: recordedMissing }, async (t) => {
  const seen = new Set<string>();
  const created = exchanges("life/")
    .filter((exchange) => exchange.step === "create" && exchange.response.status === 201)
    .map((exchange) => exchange.response.body as JsonObject);
  const cluster = clusterObjects().filter((object) => object["kind"] !== "ComponentStatus");
  for (const object of [...created, ...cluster, ...rareKinds]) {
    const { apiVersion, kind } = object as { apiVersion: string; kind: string };
    if (typeNameOfKind(apiVersion, kind) === undefined) continue;
    const wanted = prune(typeNameOfKind(apiVersion, kind) ?? "", withTimes(object));
    const { object: decoded } = decodeProtobuf(encodeProtobuf(apiVersion, kind, wanted));
    // What protobuf does not carry, the kind of a claim inside a StatefulSet, is a default.
    if (kind === "StatefulSet") applyDefaults(apiVersion, kind, decoded);
    t.same(decoded, wanted, `${apiVersion} ${kind}`);
    seen.add(`${apiVersion} ${kind}`);
  }
  const unseen = resources.map((info) => `${apiVersionOf(info)} ${info.kind}`).filter((kind) => !seen.has(kind));
  t.same(unseen, []);
});

t.test(
  "a real store's bytes: decoded as its server showed them, encoded to the same bytes",
  { skip: recordedMissing },
  async (t) => {
    const served = new Map(clusterObjects().map((object) => [keyOf(object), object]));
    let same = 0;
    for (const body of envelopesIn(clusterSnapshot())) {
      const { apiVersion, kind, object } = decodeOrSkip(body);
      if (kind === "") continue;
      if (!equalBytes(encodeProtobuf(apiVersion, kind, object), body)) t.fail(`${keyOf(object)} encodes differently`);
      const wanted = served.get(keyOf(object));
      if (wanted === undefined) continue;
      const metadata = childOf(object, "metadata");
      metadata["resourceVersion"] = (wanted["metadata"] as { resourceVersion: string }).resourceVersion;
      applyDefaults(apiVersion, kind, object);
      if (
        t.equal(typeof metadata["uid"], "string") &&
        JSON.stringify(sorted(object)) === JSON.stringify(sorted(wanted))
      )
        same += 1;
    }
    // The rest are older revisions of objects that changed later.
    t.ok(same >= 228, `${same} objects equal what the server showed`);
  },
);

/** Marks such as `<time>` in recorded answers, by a value of the right form. */
function withTimes(object: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(object).replaceAll('"<time>"', '"2026-01-02T03:04:05Z"')) as JsonObject;
}

function keyOf(object: JsonObject): string {
  const metadata = (object["metadata"] ?? {}) as JsonObject;
  return [object["apiVersion"], object["kind"], metadata["namespace"], metadata["name"]].map(String).join("|");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

function decodeOrSkip(body: Uint8Array): {
  apiVersion: string;
  kind: string;
  object: MutableObject;
} {
  try {
    return decodeProtobuf(body);
  } catch (error) {
    // The allocators' own records are not part of the API.
    if (!/RangeAllocation/.test(String(error))) throw error;
    return { apiVersion: "", kind: "", object: {} };
  }
}

/** Envelopes lie whole in the file's pages: the magic, then the four fields that Go always writes. */
function* envelopesIn(file: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + 4 < file.length; at++) {
    if (!equalBytes(file.subarray(at, at + 4), utf8("k8s\0"))) continue;
    let end = at + 4;
    let isWhole = true;
    for (const tag of [0x0a, 0x12, 0x1a, 0x22]) {
      if (file[end] !== tag) isWhole = false;
      let length = 0;
      let shift = 0;
      for (end += 1; ; end++) {
        const byte = file[end] ?? 0;
        length |= (byte & 0x7f) << shift;
        shift += 7;
        if (byte < 0x80) break;
      }
      end += 1 + length;
    }
    if (isWhole && end <= file.length) yield file.slice(at, end);
  }
}

t.test("the structure check and the decoder agree on the canonical form", async (t) => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", stdin: false, tty: true }] },
  };
  const canonical = readStructure("io.k8s.api.core.v1.Pod", pod).object;
  t.same(decodeProtobuf(encodeProtobuf("v1", "Pod", pod)).object, canonical);
  t.same(canonical["spec"], { containers: [{ name: "c", resources: {}, tty: true }] });
});

t.test("an event of a watch is framed: its length, then type and object", async (t) => {
  const object = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a" }, data: { k: "v" } };
  const frame = encodeWatchFrame("ADDED", object);
  t.equal(new DataView(frame.buffer).getUint32(0), frame.length - 4);
  t.same([...frame.subarray(4, 11)], [0x0a, 5, ...utf8("ADDED")]);
  const envelope = encodeProtobuf("v1", "ConfigMap", object);
  t.same(frame.subarray(frame.length - envelope.length), envelope);
  t.same(decodeProtobuf(frame.subarray(frame.length - envelope.length)).object, object);
});

t.test("a list encoded item by item is the list", async (t) => {
  const items = ["a", "b"].map((name) => ({ metadata: { name }, data: { k: name } }));
  const head = { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "7", remainingItemCount: 3 } };
  const list = encodeProtobufList(head);
  for (const item of items) list.add(item);
  t.same(concatBytes(list.finish()), encodeProtobuf("v1", "ConfigMapList", { ...head, items }));
  t.same(concatBytes(encodeProtobufList(head).finish()), encodeProtobuf("v1", "ConfigMapList", { ...head, items: [] }));
  t.throws(() => encodeProtobufList({ kind: "ConfigMap", apiVersion: "v1" }), { name: "ProtobufError" });
});
