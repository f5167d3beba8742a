// Bodies made to break a decoder: nesting, sizes, numbers, encodings, bombs. Each gets a 4xx with a Status, and the
// server goes on within its memory.
import { gzipSync } from "node:zlib";
import t from "tap";
import { maps, refused, startTarget, stillServes, type Attack } from "./target.ts";

const target = await startTarget();
t.teardown(() => target.close());
t.setTimeout(120_000);

const post = (contentType: string, body: string | Uint8Array): Attack => ({
  method: "POST",
  path: maps,
  contentType,
  body,
});
const json = (body: string): Attack => post("application/json", body);
const yaml = (body: string): Attack => post("application/yaml", body);
const protobuf = (...parts: readonly (string | Uint8Array)[]): Attack =>
  post("application/vnd.kubernetes.protobuf", Buffer.concat(parts.map((part) => Buffer.from(part as string))));
const configMap = (more: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}${more}}`;
const patch = (contentType: string, body: string): Attack => ({
  ...{ method: "PATCH", path: `${maps}/victim`, contentType: `application/${contentType}`, body },
});

t.test("JSON", async (t) => {
  const deep = 100_000;
  await refused(t, target, "nesting", json(`${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`), 400);
  await refused(t, target, "lists", json(`${"[".repeat(deep)}${"]".repeat(deep)}`), 400);
  await refused(t, target, "nesting that never ends", json("[".repeat(2_000_000)), 400);
  await refused(
    t,
    target,
    "nesting in a field",
    json(configMap(`,"data":{"a":${"[".repeat(deep)}${"]".repeat(deep)}}`)),
    400,
  );
  await refused(t, target, "a number with an exponent", json(configMap(',"immutable":1e999999')), 400);
  const digits = "9".repeat(1_000_000);
  await refused(
    t,
    target,
    "a number of a million digits",
    json(configMap(`,"metadata":{"generation":${digits}}`)),
    400,
  );
  await refused(
    t,
    target,
    "not UTF-8",
    json(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]).toString("latin1")),
    400,
  );
  await refused(t, target, "a lone surrogate as name", json('{"metadata":{"name":"\\ud800"}}'), 422);
  await refused(t, target, "a name of a megabyte", json(`{"metadata":{"name":"${"a".repeat(1_000_000)}"}}`), 422);
  await refused(t, target, "zero bytes", json("\0".repeat(1000)), 400);
  await refused(t, target, "two documents", json(configMap("") + configMap("")), 400);
  await refused(t, target, "too large", json(configMap(`,"data":{"a":"${"x".repeat(4_000_000)}"}`)), 413);
  await refused(t, target, "__proto__", json('{"__proto__":{"name":"x"},"metadata":{}}'), 422);
  await stillServes(t, target, "hostile JSON");
});

t.test("duplicate and unknown fields are bounded in what they say", async (t) => {
  const many = Array.from({ length: 100_000 }, (_, i) => `"unknown${i}":1`).join(",");
  const strict = { ...json(configMap(`,${many}`)), path: `${maps}?fieldValidation=Strict` };
  await refused(t, target, "a hundred thousand unknown fields", strict, 400);
  t.ok((await target.send(strict)).text.length < 20_000, "the answer is short");
  const twice = configMap(`,"data":{${Array.from({ length: 100_000 }, () => '"a":"1"').join(",")}}`);
  await refused(t, target, "a key a hundred thousand times", { ...strict, body: twice }, 400);
  const warned = await target.send({ ...json(configMap(`,${many}`)), path: `${maps}?fieldValidation=Warn` });
  t.equal(warned.statusCode, 201, "warnings are cut, the object is made");
  await stillServes(t, target, "many fields");
});

t.test("a million labels", async (t) => {
  const labels = Array.from({ length: 200_000 }, (_, i) => `"l${i}":""`).join(",");
  await refused(t, target, "labels", json(`{"metadata":{"name":"x","labels":{${labels}}}}`), 413);
  const annotations = Array.from({ length: 100_000 }, (_, i) => `"${"a".repeat(70)}${i}":""`).join(",");
  await refused(
    t,
    target,
    "bad annotations",
    json(`{"metadata":{"name":"x","annotations":{${annotations}}}}`),
    413,
    422,
  );
  await stillServes(t, target, "a million labels");
});

t.test("YAML", async (t) => {
  const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`).join("\n");
  await refused(t, target, "alias bomb", yaml(`a0: &a0 x\n${levels}\n`), 400);
  await refused(t, target, "an anchor that holds itself", yaml("&a [*a]"), 400);
  await refused(
    t,
    target,
    "nesting by indentation",
    yaml(Array.from({ length: 1_500 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")),
    400,
  );
  await refused(t, target, "nesting in flow", yaml("[".repeat(200_000)), 400);
  await refused(t, target, "many documents", yaml("---\na: 1\n".repeat(10_000)), 400);
  await refused(t, target, "a tag", yaml('!!js/function "x"'), 400);
  await refused(t, target, "a duplicate key", yaml("metadata: {name: x}\nmetadata: {name: y}"), 400);
  await refused(t, target, "tabs and controls", yaml("\t\u0001: ["), 400);
  await stillServes(t, target, "hostile YAML");
});

t.test("protobuf", async (t) => {
  const magic = "k8s\0";
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  await refused(t, target, "magic alone", protobuf(magic), 400);
  await refused(t, target, "no magic", protobuf(bytes(0x0a, 0x00)), 400);
  await refused(t, target, "cut off", protobuf(magic, bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f)), 400);
  await refused(
    t,
    target,
    "a length past 2^32",
    protobuf(magic, bytes(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)),
    400,
  );
  await refused(t, target, "an endless varint", protobuf(magic, new Uint8Array(1000).fill(0xff)), 400);
  await refused(t, target, "groups", protobuf(magic, new Uint8Array(1_000_000).fill(0x0b)), 400);
  const type = Buffer.from("\x0a\x0f\x0a\x02v1\x12\x09ConfigMap", "latin1");
  const raw = (content: Uint8Array): Uint8Array => {
    const length = [
      (content.length & 0x7f) | 0x80,
      ((content.length >> 7) & 0x7f) | 0x80,
      (content.length >> 14) & 0x7f,
    ];
    return Buffer.concat([bytes(0x12, ...length), content]);
  };
  await refused(
    t,
    target,
    "groups inside the object",
    protobuf(magic, type, raw(new Uint8Array(500_000).fill(0x7b))),
    400,
  );
  await refused(
    t,
    target,
    "empty fields",
    protobuf(magic, type, raw(Buffer.from("\x12\x00".repeat(200_000), "latin1"))),
    422,
    400,
  );
  await stillServes(t, target, "hostile protobuf");
});

t.test("compressed bodies are not unpacked", async (t) => {
  const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024, 0x20));
  const attack: Attack = { ...post("application/json", bomb), headers: { "content-encoding": "gzip" } };
  await refused(t, target, "a gzip bomb", attack, 400, 415);
  await stillServes(t, target, "a gzip bomb");
});

t.test("patches", async (t) => {
  const victim = { metadata: { name: "victim" }, data: { a: "x".repeat(1_000_000) } };
  t.equal((await target.send(json(JSON.stringify(victim)))).statusCode, 201);
  const copies = Array.from({ length: 9_000 }, (_, i) => ({ op: "copy", from: "/data/a", path: `/data/b${i}` }));
  await refused(t, target, "copies of a large value", patch("json-patch+json", JSON.stringify(copies)), 413);
  const doubling = Array.from({ length: 60 }, (_, i) => ({ op: "copy", from: "/data", path: `/data/c${i}` }));
  await refused(t, target, "copies of itself", patch("json-patch+json", JSON.stringify(doubling)), 413);
  const many = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/data/a", value: "y" }));
  await refused(t, target, "too many operations", patch("json-patch+json", JSON.stringify(many)), 413);
  await refused(
    t,
    target,
    "a pointer without end",
    patch("json-patch+json", `[{"op":"add","path":"${"/a".repeat(500_000)}","value":1}]`),
    422,
  );
  const deep = `${'{"data":'.repeat(50_000)}1${"}".repeat(50_000)}`;
  for (const type of ["merge-patch+json", "strategic-merge-patch+json"]) {
    await refused(t, target, `deep ${type}`, patch(type, deep), 400, 422);
    await refused(t, target, `no object as ${type}`, patch(type, "[]"), 400);
  }
  const apply = (body: string): Attack => ({
    ...patch("apply-patch+yaml", body),
    path: `${maps}/victim?fieldManager=m&force=true`,
  });
  await refused(t, target, "a deep apply", apply(deep), 400);
  await refused(t, target, "an alias bomb as apply", apply(`a: &a [x]\nb: [${"*a,".repeat(1000)}]`), 400);
  const directives = `{"data":{"$patch":"replace"},"$setElementOrder/data":[${'"a",'.repeat(1000)}"a"],"$retainKeys":5}`;
  await refused(t, target, "bad directives", patch("strategic-merge-patch+json", directives), 400, 422);
  await stillServes(t, target, "hostile patches");
});

t.test("long lists cost what they hold, not its square", async (t) => {
  const many = (count: number, one: (i: number) => unknown): readonly unknown[] =>
    Array.from({ length: count }, (_, i) => one(i));
  const ok = async (what: string, attack: Attack, ...codes: number[]): Promise<void> => {
    const answer = await target.send(attack);
    t.ok(
      codes.includes(answer.statusCode),
      `${what}: ${answer.statusCode} ${answer.status.message ?? ""}`.slice(0, 150),
    );
  };
  const strategic = (metadata: object): Attack =>
    patch("strategic-merge-patch+json", JSON.stringify({ data: null, metadata }));
  const finalizers = (letter: string, count: number) => many(count, (i) => `example.com/${letter}${i}`);
  await ok("a merged list", strategic({ finalizers: finalizers("a", 12_000) }), 200);
  await ok("merged again", strategic({ finalizers: finalizers("b", 12_000) }), 200);
  const order = finalizers("b", 12_000);
  await ok("with an order", strategic({ finalizers: order, "$setElementOrder/finalizers": order }), 200);
  await ok("with deletions", strategic({ "$deleteFromPrimitiveList/finalizers": order }), 200);
  const operations = many(5_000, (i) => ({ op: "add", path: "/metadata/finalizers/0", value: `example.com/c${i}` }));
  await ok("inserted one by one", patch("json-patch+json", JSON.stringify(operations)), 200);
  const pod = (spec: object): Attack => ({
    ...{ method: "POST", path: "/api/v1/namespaces/default/pods", contentType: "application/json" },
    body: JSON.stringify({
      metadata: { generateName: "long-" },
      spec: { containers: [{ name: "c", image: "i" }], ...spec },
    }),
  });
  await ok("containers", pod({ containers: many(3_000, (i) => ({ name: `c${i}`, image: "i" })) }), 201);
  const env = many(12_000, (i) => ({ name: `E${i}`, value: "x" }));
  await ok("variables", pod({ containers: [{ name: "c", image: "i", env }] }), 201);
  const volumeMounts = many(4_000, (i) => ({ name: `v${i}`, mountPath: `/v${i}` }));
  const volumes = many(4_000, (i) => ({ name: `v${i}`, emptyDir: {} }));
  await ok("volumes", pod({ containers: [{ name: "c", image: "i", volumeMounts }], volumes }), 201);
  await stillServes(t, target, "long lists");
});
