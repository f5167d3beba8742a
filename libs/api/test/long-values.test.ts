// How long texts and lists may be: what would not fit into the tables of `rules/`.
import t from "tap";
import { findKind, type JsonObject, type JsonValue, textAt } from "@triarch/api";
import { assertDefined } from "@triarch/base";
import { judge } from "./rules.ts";

const many = <T>(count: number, make: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const named = <T>(count: number, value: T): Readonly<Record<string, T>> =>
  Object.fromEntries(many(count, (i) => [`k${i}`, value]));
const label = "a".repeat(60);
const size = (more: number): string => "v".repeat(256 * 1024 + more);

const webhook: JsonObject = {
  name: "a.example.com",
  clientConfig: { url: "https://example.com" },
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
};
const head = (apiVersion: string, kind: string, more: JsonObject): JsonObject => ({
  apiVersion,
  kind,
  metadata: { name: "x" },
  ...more,
});
const bases: Readonly<Record<string, JsonObject>> = {
  policy: head("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", {
    spec: {
      matchConstraints: {
        resourceRules: [
          { operations: ["CREATE"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] },
        ],
      },
      validations: [{ expression: "true" }],
    },
  }),
  webhooks: head("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", { webhooks: [webhook] }),
  deviceClass: head("resource.k8s.io/v1", "DeviceClass", { spec: { selectors: [{ cel: { expression: "true" } }] } }),
  slice: head("resource.k8s.io/v1", "ResourceSlice", {
    spec: {
      driver: "d.example.com",
      nodeName: "n",
      pool: { name: "p", generation: 1, resourceSliceCount: 1 },
      devices: [{ name: "x" }],
    },
  }),
  csiNode: head("storage.k8s.io/v1", "CSINode", { spec: { drivers: [{ name: "d.example.com", nodeID: "n" }] } }),
  storageClass: head("storage.k8s.io/v1", "StorageClass", { provisioner: "example.com/p" }),
  ingressClass: head("networking.k8s.io/v1", "IngressClass", { spec: { controller: "example.com/c" } }),
  signing: head("certificates.k8s.io/v1", "CertificateSigningRequest", { spec: { usages: ["any"] } }),
  definition: head("apiextensions.k8s.io/v1", "CustomResourceDefinition", {
    metadata: { name: "ws.g.example.com" },
    spec: {
      group: "g.example.com",
      scope: "Cluster",
      names: { plural: "ws", kind: "W" },
      versions: [
        { name: "v1", served: true, storage: true, deprecated: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  }),
};

/** The errors of creating an object with another value at `path`. */
function errorsOf(name: string, path: string, value: JsonValue): readonly string[] {
  const base = assertDefined(bases[name], name);
  const resource = assertDefined(findKind(textAt(base, "apiVersion"), textAt(base, "kind")), name);
  return judge(
    { resource, base, rows: [] },
    { name, verb: "create", before: {}, after: { [path]: value }, wanted: [] },
  );
}

const one = (driver: string): JsonObject => ({ opaque: { driver, parameters: {} } });
const keyed = (count: number): JsonValue => many(count, (i) => ({ key: `k${i}`, valueExpression: "'v'" }));
const path = (length: number): string => `${`${label}/`.repeat(Math.floor(length / 61))}${"b".repeat(length % 61)}`;
const version = (length: number): JsonObject => ({ version: `1.2.3-${"a".repeat(length - 6)}` });
const counters = (count: number): JsonValue => [{ counterSet: "s", counters: named(count, { value: "1" }) }];
const taints = (count: number): JsonValue => many(count, (i) => ({ key: `k${i}`, effect: "NoExecute" }));

t.test("what is just short enough passes, one more does not", async (t) => {
  const [expression, longer] = ["a".repeat(10 * 1024), "a".repeat(10 * 1024 + 1)];
  const opaque = (driver: string): JsonValue => [{ opaque: { driver, parameters: {} } }];
  const annotation = (text: string): JsonObject => ({ key: "k", valueExpression: text });
  const condition = (i: number): JsonObject => ({ name: `c${i}`, expression: "true" });
  const cases: readonly (readonly [string, string, JsonValue, JsonValue, RegExp])[] = [
    [
      "policy",
      "spec.auditAnnotations",
      keyed(20),
      keyed(21),
      /spec.auditAnnotations: Invalid value: 21: must not have more than 20/,
    ],
    [
      "policy",
      "spec.auditAnnotations",
      [annotation(`'${"a".repeat(5118)}'`)],
      [annotation(`'${"a".repeat(5119)}'`)],
      /valueExpression: Required value: must not exceed 5120 bytes/,
    ],
    ["webhooks", "webhooks.0.matchConditions", many(64, condition), many(65, condition), /Too many: 65/],
    ["storageClass", "parameters", named(512, "v"), named(513, "v"), /Too long: may not be more than 512 bytes/],
    ["storageClass", "parameters", { k: size(-1) }, { k: size(0) }, /Too long: may not be more than 262144 bytes/],
    ["definition", "spec.versions.0.deprecationWarning", "w".repeat(256), "w".repeat(257), /must be <= 256 characters/],
    [
      "policy",
      "spec.matchConditions",
      many(64, condition),
      many(65, condition),
      /Too many: 65: must have at most 64 items/,
    ],
    [
      "deviceClass",
      "spec.selectors.0.cel.expression",
      expression,
      longer,
      /Too long: may not be more than 10240 bytes/,
    ],
    [
      "deviceClass",
      "spec.config",
      opaque("d".repeat(63)),
      opaque("d".repeat(64)),
      /driver: Too long: may not be more than 63/,
    ],
    ["deviceClass", "spec.config", many(32, () => one("d")), many(33, () => one("d")), /spec.config: Too many: 33/],
    ["slice", "spec.pool.name", path(253), path(254), /pool.name: Too long: may not be more than 253/],
    [
      "slice",
      "spec.devices.0.attributes",
      named(32, { int: 1 }),
      named(33, { int: 1 }),
      /Invalid value: 33: the total number/,
    ],
    [
      "slice",
      "spec.devices.0.attributes.a",
      { string: "a".repeat(64) },
      { string: "a".repeat(65) },
      /string: Too long/,
    ],
    ["slice", "spec.devices.0.attributes.a", version(64), version(65), /version: Too long/],
    ["slice", "spec.devices.0.consumesCounters", counters(32), counters(33), /counters: Too many: 33/],
    ["slice", "spec.devices.0.taints", taints(16), taints(17), /taints: Too many: 17/],
    ["csiNode", "spec.drivers.0.nodeID", "n".repeat(256), "n".repeat(257), /must be 256 characters or less/],
    [
      "ingressClass",
      "spec.controller",
      `a.b/${"c".repeat(246)}`,
      `a.b/${"c".repeat(247)}`,
      /Too long: may not be more than 250/,
    ],
  ];
  for (const [kind, path, short, long, wanted] of cases) {
    t.strictSame(errorsOf(kind, path, short), [], `${kind} ${path}`);
    const found = errorsOf(kind, path, long);
    t.equal(found.length, 1, `${kind} ${path}: ${found.map((text) => text.slice(0, 80)).join()}`);
    t.match(found[0], wanted);
  }
});

t.test("each half of a signer's name, and the whole", async (t) => {
  const long = many(5, () => label).join(".");
  const errors = errorsOf("signing", "spec.signerName", `${long}/${long}.${long}`);
  t.match(errors.slice(-2), [/signerName: Too long: may not be more than 253/, /Too long: may not be more than 571/]);
});
