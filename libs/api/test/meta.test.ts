import t from "tap";
import { seededRng } from "@triarch/base";
import {
  alreadyExists,
  conflict,
  deepCopy,
  deepEqual,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  fieldErrorText,
  forbidden,
  generateName,
  invalid,
  invalidObject,
  type JsonObject,
  microTimeText,
  notFound,
  notSupported,
  parseTime,
  preconditionConflict,
  prepareMetaForUpdate,
  qualifiedName,
  required,
  semanticEqual,
  timeText,
  tooLong,
  tooMany,
  typed,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from "@triarch/api";

t.test("field errors read as Kubernetes writes them", async (t) => {
  const cases = [
    [
      invalid("spec.replicas", -1, "must be greater than or equal to 0"),
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    ],
    [required("spec.ports"), "spec.ports: Required value"],
    [
      required("metadata.name", "name or generateName is required"),
      "metadata.name: Required value: name or generateName is required",
    ],
    [forbidden("data", "field is immutable"), "data: Forbidden: field is immutable"],
    [notSupported("spec.type", "X", ["A", "B"]), 'spec.type: Unsupported value: "X": supported values: "A", "B"'],
    [duplicate("a[1].name", "c"), 'a[1].name: Duplicate value: "c"'],
    [tooLong("fieldManager", 128), "fieldManager: Too long: may not be more than 128 bytes"],
    [tooMany("x", 3, 2), "x: Too many: 3: must have at most 2 items"],
    [
      invalid("spec.selector", undefined, "field is immutable"),
      "spec.selector: Invalid value: null: field is immutable",
    ],
  ] as const;
  for (const [error, wanted] of cases) t.equal(fieldErrorText(error), wanted);
});

t.test("Status documents", async (t) => {
  const deployments = { group: "apps", resource: "deployments" };
  t.strictSame(notFound(deployments, "dep"), {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'deployments.apps "dep" not found',
    reason: "NotFound",
    details: { name: "dep", group: "apps", kind: "deployments" },
    code: 404,
  });
  t.equal(alreadyExists({ group: "", resource: "pods" }, "p").message, 'pods "p" already exists');
  t.match(
    conflict(deployments, "dep").message,
    /^Operation cannot be fulfilled on deployments.apps "dep": the object has been modified;/,
  );
  const stale = preconditionConflict({ group: "", kind: "ConfigMap" }, "pre", "ResourceVersion", {
    wanted: "1",
    found: "9",
  });
  t.equal(
    stale.message,
    'Operation cannot be fulfilled on ConfigMap "pre": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (9). The object might have been modified',
  );
  const bad = [required("b"), required("a"), required("b")];
  const status = invalidObject({ group: "apps", kind: "Deployment" }, "dep", bad);
  t.equal(status.message, 'Deployment.apps "dep" is invalid: [b: Required value, a: Required value]', "texts once");
  t.equal(status.details?.causes?.length, 3, "causes as they are");
  t.equal(
    invalidObject({ group: "", kind: "Pod" }, "", [required("a")]).message,
    'Pod "" is invalid: a: Required value',
  );
});

t.test("names", async (t) => {
  const cases = [
    [dns1123Label, "my-name-1", "-a|A|a.b|a_b||" + "a".repeat(64)],
    [dns1123Subdomain, "a.b-c.d1", "a..b|.a|a.|A.b|a_b||" + "a".repeat(254)],
    [dns1035Label, "a1-b", "1a|-a|a-"],
    [qualifiedName, "example.com/My_name.x", "a/b/c|/x|x/|Ex.com/x|-x|" + "a".repeat(64)],
  ] as const;
  for (const [check, good, bad] of cases) {
    t.strictSame(check(good), [], good);
    for (const text of bad.split("|")) t.ok(check(text).length > 0, `${check.name} ${text.slice(0, 20)}`);
  }
  t.strictSame(dns1123Label("a".repeat(64)), ["must be no more than 63 characters"]);
});

t.test("times survive the way out and back", async (t) => {
  t.equal(timeText(0), "1970-01-01T00:00:00Z");
  t.equal(timeText(Date.UTC(2024, 1, 29, 23, 59, 59, 999)), "2024-02-29T23:59:59Z");
  t.equal(timeText(Date.UTC(2000, 1, 29)), "2000-02-29T00:00:00Z", "the last day of a 400-year cycle");
  t.equal(microTimeText(Date.UTC(2026, 0, 1, 0, 0, 1, 500)), "2026-01-01T00:00:01.500000Z");
  t.equal(parseTime("2026-01-01T02:00:00.25+02:00"), Date.UTC(2026, 0, 1, 0, 0, 0, 250));
  for (const bad of ["", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01", "2026-01-01T24:00:00Z"]) {
    t.equal(parseTime(bad), undefined, bad);
  }
  const rng = seededRng(3);
  for (let i = 0; i < 2000; i++) {
    const ms = Math.floor(rng.next() * 4e12 - 1e12);
    const wanted = `${new Date(Math.floor(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
    if (timeText(ms) !== wanted) t.fail(`${ms}: ${timeText(ms)} instead of ${wanted}`);
    if (parseTime(wanted) !== Math.floor(ms / 1000) * 1000) t.fail(`${wanted} is read wrongly`);
  }
  t.pass("2000 times");
});

t.test("generated names", async (t) => {
  const rng = seededRng(1);
  const names = Array.from({ length: 100 }, () => generateName("web-", rng));
  for (const name of names) t.match(name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  t.ok(new Set(names).size > 95, "they differ");
  t.equal(generateName("a".repeat(80), rng).length, 63);
});

t.test("metadata", async (t) => {
  const rules = { namespaced: true, nameCheck: dns1123Subdomain };
  const texts = (metadata: JsonObject): readonly string[] =>
    validateObjectMeta({ metadata }, rules).map(fieldErrorText);
  t.strictSame(texts({ name: "a", namespace: "n", labels: { a: "b" }, finalizers: ["x.com/y", "orphan"] }), []);
  t.strictSame(texts({}), [
    "metadata.name: Required value: name or generateName is required",
    "metadata.namespace: Required value",
  ]);
  t.match(texts({ name: "a", namespace: "n", finalizers: ["plain"] })[0], /name is neither a standard finalizer name/);
  t.match(
    texts({ name: "a", namespace: "n", annotations: { a: "x".repeat(256 * 1024) } })[0],
    /Too long: may not be more than 262144 bytes/,
  );
  const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u", controller: true };
  t.match(
    texts({ name: "a", namespace: "n", ownerReferences: [owner, owner] })[0],
    /Only one reference can have Controller set to true/,
  );
  t.match(
    texts({ name: "a", namespace: "n", ownerReferences: [{ ...owner, kind: "Event" }] })[0],
    /disallowed from being an owner/,
  );

  const old = {
    metadata: {
      name: "a",
      namespace: "n",
      uid: "u",
      deletionTimestamp: "2026-01-01T00:00:00Z",
      finalizers: ["x.com/a"],
      generation: 4,
    },
  };
  const next = deepCopy({ metadata: { name: "a", namespace: "n", finalizers: ["x.com/a", "x.com/b"] } });
  prepareMetaForUpdate(next, old);
  t.match(next, { metadata: { uid: "u", deletionTimestamp: "2026-01-01T00:00:00Z", generation: 4 } });
  const errors = validateObjectMetaUpdate(next, old, rules).map(fieldErrorText);
  t.match(
    errors[0],
    'no new finalizers can be added if the object is being deleted, found new finalizers []string{"x.com/b"}',
  );
});

t.test("equality", async (t) => {
  t.equal(deepEqual({ a: 1, b: [1] }, { b: [1], a: 1 }), true);
  t.equal(deepEqual({ a: {} }, {}), false);
  t.equal(semanticEqual({ a: {}, b: [] }, {}), true, "empty is absent");
  t.equal(semanticEqual({ a: [1, 2] }, { a: [2, 1] }), false);
  t.equal(semanticEqual({ a: 0 }, {}), false, "zero is a value");
  t.strictSame(typed({ a: null, b: [{ c: null, d: 1 }] }), { b: [{ d: 1 }] }, "nulls are absent for typed readers");
});
