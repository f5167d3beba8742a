import t from "tap";
import { seededRng, type Rng } from "@triarch/base";
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  deepEqual,
  type JsonObject,
  jsonPatchOperationsMax,
  type JsonValue,
  PatchError,
  typeSchema,
} from "@triarch/api";

const deployment = "io.k8s.api.apps.v1.Deployment";
const strategic = (original: JsonObject, patch: JsonValue, typeName = deployment): JsonObject =>
  applyStrategicMergePatch(original, patch, typeName, (name) => typeSchema(name)?.fields);

function failure(run: () => unknown): string {
  try {
    run();
    return "no failure";
  } catch (error) {
    return error instanceof PatchError ? `${error.status.code} ${error.patchCause}` : String(error);
  }
}

t.test("JSON patch: the operations of RFC 6902", async (t) => {
  const original = { a: { b: [1, 2, 3], "x/y": 1, "m~n": 2 }, c: "text" };
  const patched = applyJsonPatch(original, [
    { op: "test", path: "/a/x~1y", value: 1 },
    { op: "add", path: "/a/b/1", value: "new" },
    { op: "add", path: "/a/b/-", value: "last" },
    { op: "remove", path: "/a/b/0" },
    { op: "replace", path: "/c", value: { d: null } },
    { op: "move", from: "/a/m~0n", path: "/moved" },
    { op: "copy", from: "/a/b", path: "/copied" },
    { op: "add", path: "/copied/0", value: "only in the copy" },
  ]);
  t.strictSame(patched, {
    a: { b: ["new", 2, 3, "last"], "x/y": 1 },
    c: { d: null },
    moved: 2,
    copied: ["only in the copy", "new", 2, 3, "last"],
  });
  t.strictSame(original, { a: { b: [1, 2, 3], "x/y": 1, "m~n": 2 }, c: "text" }, "the original is left as it is");
});

t.test("JSON patch: what does not fit fails as a whole", async (t) => {
  const original = { list: [1], map: { a: 1 } };
  const cases: readonly (readonly [JsonValue, string])[] = [
    [[{ op: "test", path: "/map/a", value: 2 }], "422 testing value /map/a failed"],
    [[{ op: "remove", path: "/nothing" }], "422 nothing at /nothing"],
    [[{ op: "replace", path: "/map/b", value: 1 }], "422 nothing at /map/b"],
    [[{ op: "add", path: "/list/3", value: 1 }], "422 index 3 is out of range, the list has 2"],
    [[{ op: "add", path: "/list/01", value: 1 }], "422 index 01 is out of range, the list has 2"],
    [[{ op: "add", path: "/map/a/b", value: 1 }], "422 /map/a has no fields"],
    [[{ op: "move", from: "/map", path: "/map/a/b" }], "422 move: a value cannot be moved into itself"],
    [[{ op: "increment", path: "/list" }], '422 unexpected operation "increment"'],
    [[{ op: "add", path: "/a" }], '422 missing "value"'],
    [[{ op: "add", path: "a", value: 1 }], '422 "path" "a" does not start with "/"'],
    [[{ op: "remove", path: "" }], "422 the whole object cannot be removed"],
    [
      { op: "add" },
      "400 error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
    ],
  ];
  for (const [patch, wanted] of cases)
    t.equal(
      failure(() => applyJsonPatch(original, patch)),
      wanted,
      JSON.stringify(patch),
    );
  const many = Array.from({ length: jsonPatchOperationsMax + 1 }, () => ({ op: "test", path: "/list/0", value: 1 }));
  t.equal(
    failure(() => applyJsonPatch(original, many)),
    `413 The allowed maximum operations in a JSON patch is 10000, got 10001`,
  );
  t.strictSame(applyJsonPatch(original, many.slice(1)), original, "the bound itself is fine");
});

t.test("JSON patch: copies that double the document meet their bound", async (t) => {
  const doubling = Array.from({ length: 64 }, (_, i) => ({ op: "copy", from: "", path: `/copy${i}` }));
  t.match(
    failure(() => applyJsonPatch({ seed: [1, 2, 3] }, doubling)),
    /^413 /,
  );
  const large = Array.from({ length: 9_000 }, (_, i) => ({ op: "copy", from: "/data", path: `/copy${i}` }));
  t.equal(
    failure(() => applyJsonPatch({ data: "x".repeat(1_000_000) }, large)),
    "413 Unable to complete the copy, the accumulated size increase of copy is 4000008, exceeding the limit 3145728",
    "a large text counts by its size",
  );
});

t.test("merge patch: null removes, objects merge, the rest replaces", async (t) => {
  const original = { a: { b: 1, c: 2 }, list: [1, 2], keep: true };
  t.strictSame(applyMergePatch(original, { a: { b: null, d: { e: 1, f: null } }, list: [3] }), {
    a: { c: 2, d: { e: 1 } },
    list: [3],
    keep: true,
  });
  t.match(
    failure(() => applyMergePatch(original, [])),
    /^400 error decoding patch: json: cannot unmarshal array/,
  );
});

t.test("patches can't reach the prototype of objects", async (t) => {
  const hostile = JSON.parse(
    '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
  ) as JsonObject;
  for (const patched of [applyMergePatch({}, hostile), strategic({}, hostile)]) {
    t.equal(({} as Record<string, unknown>)["polluted"], undefined);
    t.ok(Object.hasOwn(patched, "__proto__"), "it is a field like others");
  }
  t.match(
    failure(() => applyJsonPatch({}, [{ op: "add", path: "/__proto__/polluted", value: true }])),
    /^422 nothing at/,
  );
});

t.test("merge patch: the difference of two documents, applied to the first, gives the second", async (t) => {
  const rng = seededRng(7);
  for (let i = 0; i < 300; i++) {
    const [from, to] = [randomObject(rng, 3), randomObject(rng, 3)];
    const patched = applyMergePatch(from, mergeDifference(from, to));
    if (!deepEqual(patched, to)) t.fail(`round ${i}: ${JSON.stringify({ from, to, patched })}`);
  }
  t.pass("300 rounds");
});

const podSpec = (containers: JsonValue, more: JsonObject = {}): JsonObject => ({
  spec: { template: { spec: { containers, ...more } } },
});
const containersOf = (object: JsonObject): JsonValue =>
  (object as { spec: { template: { spec: { containers: JsonValue } } } }).spec.template.spec.containers;
const two: readonly [JsonObject, JsonObject] = [
  {
    name: "a",
    image: "a:1",
    env: [
      { name: "X", value: "1" },
      { name: "Y", value: "2" },
    ],
  },
  { name: "b", image: "b:1" },
];

t.test("strategic merge: lists merge by their key and keep their order", async (t) => {
  const merged = strategic(podSpec(two), podSpec([{ name: "b", image: "b:2" }]));
  t.strictSame(containersOf(merged), [two[0], { name: "b", image: "b:2" }]);
  const added = strategic(podSpec(two), podSpec([{ name: "a", env: [{ name: "Z", value: "3" }] }]));
  t.strictSame(containersOf(added), [
    {
      ...two[0],
      env: [
        { name: "Z", value: "3" },
        { name: "X", value: "1" },
        { name: "Y", value: "2" },
      ],
    },
    two[1],
  ]);
});

t.test("strategic merge: directives", async (t) => {
  const cases: readonly (readonly [string, JsonValue, JsonValue])[] = [
    ["delete an item", [{ $patch: "delete", name: "a" }], [two[1]]],
    ["replace the list", [{ $patch: "replace" }, { name: "c", image: "c" }], [{ name: "c", image: "c" }]],
    [
      "replace an item",
      [
        { $patch: "replace", name: "c" },
        { name: "a", image: "x" },
      ],
      [{ name: "a", image: "x" }],
    ],
  ];
  for (const [name, patch, wanted] of cases)
    t.strictSame(containersOf(strategic(podSpec(two), podSpec(patch))), wanted, name);

  const ordered = strategic(
    podSpec(two),
    podSpec([{ name: "c", image: "c:1" }], { "$setElementOrder/containers": [{ name: "c" }, { name: "b" }] }),
  );
  t.strictSame(
    containersOf(ordered),
    [{ name: "c", image: "c:1" }, two[0], two[1]],
    "a new item stands in front of what the patch does not name, which keeps its place",
  );

  const strategy = { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } };
  const retained = strategic(strategy, { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } });
  t.strictSame(retained, { spec: { strategy: { type: "Recreate" } } });

  const labels = { metadata: { labels: { a: "1" }, finalizers: ["x/a", "x/b"] } };
  t.strictSame(strategic(labels, { metadata: { labels: { $patch: "replace", b: "2" } } }), {
    metadata: { labels: { b: "2" }, finalizers: ["x/a", "x/b"] },
  });
  const replaced = { metadata: { labels: { $patch: "replace", b: "2" } } };
  t.strictSame(strategic({ metadata: {} }, replaced), { metadata: {} }, "a directive where nothing is makes nothing");
  t.strictSame(strategic({}, replaced), { metadata: {} }, "nor below what is new");
  t.strictSame(strategic(labels, { metadata: { labels: { $patch: "delete" } } }), {
    metadata: { labels: {}, finalizers: ["x/a", "x/b"] },
  });
  t.strictSame(
    strategic(labels, { metadata: { "$deleteFromPrimitiveList/finalizers": ["x/a"], finalizers: ["x/c"] } }),
    {
      metadata: { labels: { a: "1" }, finalizers: ["x/c", "x/b"] },
    },
  );
  t.strictSame(
    strategic(
      {},
      podSpec([
        { name: "a", command: null },
        { $patch: "delete", name: "b" },
      ]),
    ),
    podSpec([{ name: "a" }]),
  );
});

t.test("strategic merge: the shape of a kubectl apply", async (t) => {
  const stored = podSpec([
    { name: "a", image: "a:1", ports: [{ containerPort: 80, protocol: "TCP" }], terminationMessagePath: "/x" },
  ]);
  const patch = podSpec(
    [
      {
        name: "a",
        image: "a:2",
        $setElementOrder: undefined,
        "$setElementOrder/ports": [{ containerPort: 80 }, { containerPort: 81 }],
        ports: [{ containerPort: 81 }],
      },
    ],
    { "$setElementOrder/containers": [{ name: "a" }] },
  );
  t.strictSame(containersOf(strategic(stored, patch)), [
    {
      name: "a",
      image: "a:2",
      ports: [{ containerPort: 80, protocol: "TCP" }, { containerPort: 81 }],
      terminationMessagePath: "/x",
    },
  ]);
});

t.test("strategic merge: malformed patches", async (t) => {
  const cases: readonly (readonly [JsonValue, string])[] = [
    [podSpec([{ image: "x" }]), "400 map: map[image:x] does not contain declared merge key: name"],
    [{ spec: { template: { $patch: "explode" } } }, "400 unknown patch type: explode in map: map[$patch:explode]"],
    [{ spec: { strategy: { $retainKeys: "type" } } }, "400 invalid patch format of retainKeys"],
    [
      { spec: { strategy: { $retainKeys: ["type"], rollingUpdate: {} } } },
      "422 patch content doesn't match retainKeys list",
    ],
    [[], "400 json: cannot unmarshal array into Go value of type map[string]interface {}"],
  ];
  const original = {
    ...podSpec(two),
    spec: { ...(podSpec(two)["spec"] as JsonObject), strategy: { type: "Recreate" } },
  };
  for (const [patch, wanted] of cases)
    t.equal(
      failure(() => strategic(original, patch)),
      wanted,
    );
  const disordered = podSpec([{ name: "b" }, { name: "a" }], {
    "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
  });
  t.match(
    failure(() => strategic(podSpec(two), disordered)),
    /^400 The order in patch list:/,
  );
});

function randomObject(rng: Rng, depth: number): JsonObject {
  return Object.fromEntries(Array.from({ length: rng.int(4) }, () => [`k${rng.int(5)}`, randomValue(rng, depth)]));
}

function randomValue(rng: Rng, depth: number): JsonValue {
  if (depth > 0 && rng.int(2) === 0) return randomObject(rng, depth - 1);
  return rng.int(2) === 0 ? rng.int(3) : [rng.int(3)];
}

/** The slow, obvious way to make a merge patch; documents hold no nulls. */
function mergeDifference(from: JsonObject, to: JsonObject): JsonObject {
  const patch: Record<string, JsonValue> = {};
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    const old = from[key];
    if (isPlain(old) && isPlain(value)) patch[key] = mergeDifference(old, value);
    else if (!deepEqual(old, value)) patch[key] = value as JsonValue;
  }
  return patch;
}

function isPlain(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
