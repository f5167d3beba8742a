// Strategic merge patch beside a slow twin that searches lists from the front, and laws of all patches: what was
// applied once changes nothing when it is applied again.
import t from "tap";
import { seededRng, type Rng } from "@triarch/base";
import {
  applyMergePatch,
  applyStrategicMergePatch,
  fieldSchema,
  typeNames,
  type JsonObject,
  type JsonValue,
} from "@triarch/api";
import { pick } from "./random-object.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);
const rounds = 3_000;
const names = ["a", "b", "c", "d", "e", "f"];
const known = new Set(typeNames());
const podType = "io.k8s.api.core.v1.Pod";
const strategic = (original: JsonObject, patch: JsonObject): JsonObject =>
  applyStrategicMergePatch(original, patch, podType, (name) => (known.has(name) ? fieldSchema(name) : undefined));

interface Item {
  readonly name: string;
  readonly image?: string;
  readonly tty?: boolean;
}

function shuffled(rng: Rng): readonly string[] {
  const left = [...names];
  const taken: string[] = [];
  for (let count = rng.int(names.length + 1); count > 0; count--) taken.push(...left.splice(rng.int(left.length), 1));
  return taken;
}

function randomItem(name: string, rng: Rng): Item {
  return { name, ...(rng.int(2) === 0 ? {} : { image: `i${rng.int(3)}` }), ...(rng.int(3) === 0 ? { tty: true } : {}) };
}

/** Where `name` stands, from the front; past the end where it is not. */
const place = (list: readonly string[], name: string): number => (list.includes(name) ? list.indexOf(name) : Infinity);

/**
 * The order of a merged list: what the patch names in its order, the rest as stored; one of the rest goes before the
 * next that the patch names only when both were stored in this order.
 */
function twinOrder(all: readonly string[], wanted: readonly string[], stored: readonly string[]): readonly string[] {
  const named = wanted.filter((name) => all.includes(name));
  const rest = stored.filter((name) => all.includes(name) && !wanted.includes(name));
  const woven: string[] = [];
  while (named.length + rest.length > 0) {
    const [next, other] = [named[0], rest[0]];
    const otherFirst =
      next === undefined ||
      (other !== undefined && stored.includes(next) && place(stored, other) < place(stored, next));
    woven.push((otherFirst ? rest.shift() : named.shift()) ?? "");
  }
  return woven;
}

t.test("merged lists, beside the twin", async (t) => {
  t.comment(`seed ${seed}`);
  const rng = seededRng(seed);
  for (let round = 0; round < rounds; round++) {
    const stored = shuffled(rng).map((name) => randomItem(name, rng));
    const patched = shuffled(rng).map((name) => randomItem(name, rng));
    const gone = shuffled(rng).filter((name) => !patched.some((one) => one.name === name) && rng.int(3) === 0);
    const order = rng.int(2) === 0 ? undefined : [...new Set([...patched.map((one) => one.name), ...shuffled(rng)])];
    const directives = gone.map((name) => ({ $patch: "delete", name }));
    const spec = {
      containers: [...patched, ...directives],
      ...(order === undefined ? {} : { "$setElementOrder/containers": order.map((name) => ({ name })) }),
    };
    const keptNames = stored.map((one) => one.name).filter((name) => !gone.includes(name));
    const all = [...new Set([...keptNames, ...patched.map((one) => one.name)])];
    const wanted = twinOrder(
      all,
      order ?? patched.map((one) => one.name),
      order === undefined ? keptNames : stored.map((one) => one.name),
    );
    const expected = wanted.map((name) => ({
      ...(keptNames.includes(name) ? stored.find((one) => one.name === name) : {}),
      ...patched.find((one) => one.name === name),
    }));
    const result = strategic(
      { spec: { containers: stored } } as unknown as JsonObject,
      { spec } as unknown as JsonObject,
    );
    const found = (result["spec"] as { readonly containers?: JsonValue }).containers ?? [];
    if (
      JSON.stringify(found) !== JSON.stringify(expected) &&
      !sameFields(found as unknown as readonly Item[], expected)
    ) {
      t.same(found, expected, `round ${round} of seed ${seed}: ${JSON.stringify({ stored, spec })}`);
      return;
    }
  }
  t.pass(`${rounds} rounds`);
});

function sameFields(left: readonly Item[], right: readonly Partial<Item>[]): boolean {
  const text = (one: Partial<Item>): string => JSON.stringify([one.name, one.image, one.tty]);
  return left.length === right.length && left.every((one, i) => text(one) === text(right[i] ?? {}));
}

t.test("lists of plain values, beside the twin", async (t) => {
  const rng = seededRng(seed);
  for (let round = 0; round < rounds; round++) {
    const [stored, patched, gone] = [shuffled(rng), shuffled(rng), shuffled(rng)];
    const metadata = { finalizers: patched, "$deleteFromPrimitiveList/finalizers": rng.int(2) === 0 ? [] : gone };
    const deleted = metadata["$deleteFromPrimitiveList/finalizers"];
    const result = strategic({ metadata: { finalizers: stored } }, { metadata });
    const found = (result["metadata"] as { readonly finalizers: readonly string[] }).finalizers;
    const all = [...new Set([...stored, ...patched])];
    const expected = twinOrder(all, patched, stored).filter((name) => !deleted.includes(name));
    if (found.join() !== expected.join()) {
      t.same(found, expected, `round ${round} of seed ${seed}: ${JSON.stringify({ stored, metadata })}`);
      return;
    }
  }
  t.pass(`${rounds} rounds`);
});

t.test("applied again, a patch changes nothing", async (t) => {
  const rng = seededRng(seed);
  const value = (depth: number): JsonValue =>
    depth === 0 || rng.int(3) === 0
      ? pick<JsonValue>([null, 1, "x", true, ["l"]], rng)
      : Object.fromEntries(shuffled(rng).map((name) => [name, value(depth - 1)]));
  for (let round = 0; round < rounds; round++) {
    const [original, patch] = [{ data: value(3) }, { data: value(3) }] as [JsonObject, JsonObject];
    const once = applyMergePatch(original, patch);
    const twice = applyMergePatch(once, patch);
    if (JSON.stringify(once) !== JSON.stringify(twice)) {
      t.same(twice, once, `merge, round ${round} of seed ${seed}`);
      return;
    }
    const containers = shuffled(rng).map((name) => randomItem(name, rng));
    const more = { spec: { containers: shuffled(rng).map((name) => randomItem(name, rng)) } } as unknown as JsonObject;
    const first = strategic({ spec: { containers } } as unknown as JsonObject, more);
    const second = strategic(first, more);
    if (JSON.stringify(first) !== JSON.stringify(second)) {
      t.same(second, first, `strategic, round ${round} of seed ${seed}`);
      return;
    }
  }
  t.pass(`${rounds} rounds`);
});
