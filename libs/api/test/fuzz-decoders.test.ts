// What strangers send, changed at random: every reader either reads it or refuses it with its own error. Nothing else
// is thrown, nothing hangs. The seed is printed; SEED=... runs it again.
import fc from "fast-check";
import t from "tap";
import { concatBytes, seededRng, utf8 } from "@triarch/base";
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  decodeProtobuf,
  encodeProtobuf,
  fieldSchema,
  JsonSyntaxError,
  parseFieldSelector,
  parseJson,
  parseLabelSelector,
  parseQuantity,
  PatchError,
  ProtobufError,
  QuantityError,
  quantityText,
  readStructure,
  SelectorError,
  typeNames,
  type JsonObject,
  type JsonValue,
} from "@triarch/api";
import { randomObject } from "./random-object.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);
const runs = { seed, numRuns: 2_000 };
const podType = "io.k8s.api.core.v1.Pod";
const pod: JsonObject = { apiVersion: "v1", kind: "Pod", ...randomObject(podType, seededRng(seed)) };

type ErrorClass = new (...args: never[]) => Error;

/** @returns undefined where it was refused. @throws what is not of `refusals` */
function readOrRefused<T>(read: () => T, ...refusals: readonly ErrorClass[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (refusals.some((one) => error instanceof one)) return undefined;
    throw error;
  }
}

/** A text with some characters taken out, doubled or replaced. */
const changed = (text: string, letters: readonly string[]) =>
  fc
    .array(fc.tuple(fc.nat(text.length), fc.nat(4), fc.constantFrom(...letters)), { minLength: 1, maxLength: 6 })
    .map((edits) => edits.reduce((now, [at, taken, put]) => now.slice(0, at) + put + now.slice(at + taken), text));

t.comment(`seed ${seed}`);

t.test("JSON documents", async (t) => {
  const letters = ["{", "}", "[", "]", '"', ":", ",", "null", "1e999", "-", "\\u0000", "__proto__", " ", '"metadata"'];
  fc.assert(
    fc.property(changed(JSON.stringify(pod), letters), (text) => {
      const parsed = readOrRefused(() => parseJson(text, { findDuplicates: true }), JsonSyntaxError);
      const value = parsed?.value;
      if (value === undefined || value === null || typeof value !== "object" || Array.isArray(value)) return;
      readStructure(podType, value);
    }),
    runs,
  );
  t.pass("read or refused");
});

t.test("protobuf bodies", async (t) => {
  const body = encodeProtobuf("v1", "Pod", readStructure(podType, pod).object);
  const edit = fc.tuple(fc.nat(body.length), fc.nat(6), fc.uint8Array({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
      const bytes = edits.reduce(
        (now, [at, taken, put]) => concatBytes([now.subarray(0, at), put, now.subarray(at + taken)]),
        body,
      );
      readOrRefused(() => decodeProtobuf(bytes), ProtobufError);
    }),
    runs,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      readOrRefused(() => decodeProtobuf(concatBytes([utf8("k8s\0"), bytes])), ProtobufError);
    }),
    runs,
  );
  t.pass("read or refused");
});

t.test("patches", async (t) => {
  const pointer = fc.constantFrom(
    "",
    "/",
    "/metadata",
    "/metadata/name",
    "/spec/containers/0",
    "/spec/containers/-",
    "/a~1b",
    "/~",
    "x",
    "/spec/containers/01",
  );
  const value = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;
  const op = fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "other");
  const operation = fc.record({ op, path: pointer, from: pointer, value }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(fc.array(operation, { maxLength: 8 }), value), (patch) => {
      readOrRefused(() => applyJsonPatch(pod, patch), PatchError);
    }),
    runs,
  );
  const key = fc.constantFrom(
    "spec",
    "metadata",
    "containers",
    "name",
    "env",
    "finalizers",
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "$deleteFromPrimitiveList/finalizers",
    "__proto__",
  );
  const tree = fc.letrec<{ readonly node: JsonValue }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<JsonValue>(null, "delete", "replace", "merge", "c", 1, true),
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(key, tie("node"), { maxKeys: 5 }),
    ),
  })).node;
  const known = new Set(typeNames());
  fc.assert(
    fc.property(tree, (patch) => {
      readOrRefused(() => applyMergePatch(pod, patch), PatchError);
      const lookup = (name: string) => (known.has(name) ? fieldSchema(name) : undefined);
      readOrRefused(() => applyStrategicMergePatch(pod, patch, podType, lookup), PatchError);
    }),
    runs,
  );
  t.equal(Object.getPrototypeOf({}), Object.prototype, "the prototype of objects is what it was");
  t.strictSame(Object.keys(Object.prototype), []);
});

t.test("selectors and quantities", async (t) => {
  const label = ["=", "==", "!=", "!", "(", ")", ",", " in ", " notin ", "a", "b/c", ">", "<", "1", " ", "\\", "é"];
  fc.assert(
    fc.property(changed("a=b,c in (d,e),!f,g notin (h)", label), (text) => {
      const selector = readOrRefused(() => parseLabelSelector(text), SelectorError);
      if (selector === undefined) return;
      selector.matches({ a: "b", c: "d" });
      const again = parseLabelSelector(selector.toString());
      if (again.toString() !== selector.toString()) throw new Error(`${text}: ${selector.toString()}`);
    }),
    runs,
  );
  fc.assert(
    fc.property(changed("metadata.name=a,metadata.namespace!=b", [...label, "metadata.name"]), (text) => {
      readOrRefused(() => parseFieldSelector(text).matches({ "metadata.name": "a" }), SelectorError);
    }),
    runs,
  );
  fc.assert(
    fc.property(changed("1500.25Mi", [..."0123456789.+-eEnumkMGTPKi", "e999", "99999999999999999999"]), (text) => {
      const quantity = readOrRefused(() => parseQuantity(text), QuantityError);
      if (quantity === undefined) return;
      const canonical = quantityText(quantity);
      if (quantityText(parseQuantity(canonical)) !== canonical) throw new Error(`${text}: ${canonical}`);
    }),
    runs,
  );
  t.pass("read or refused; what was read is written so that it reads the same");
});
