// FieldsV1 and the algebra of path sets: by example, and at random against sets of whole path texts.
import t from "tap";
import { seededRng } from "@triarch/base";
import { parseFieldsV1, writeFieldsV1 } from "../src/apply/fields-v1.ts";
import { compareElements, elementText, keyElement, readElement, valueElement } from "../src/apply/path-element.ts";
import {
  difference,
  forEachPath,
  hasPath,
  intersection,
  isEmptySet,
  onlyBelow,
  type PathSet,
  PathSetBuilder,
  pathText,
  recursiveDifference,
  union,
} from "../src/apply/path-set.ts";

t.test("FieldsV1 is read and written in Kubernetes' order", async (t) => {
  const fields = {
    "f:b": {},
    "f:a": { ".": {}, "f:x": {} },
    "f:list": {
      'k:{"port":80,"name":"z"}': { ".": {}, "f:port": {} },
      'k:{"name":"a"}': {},
      'v:"text"': {},
      "v:3": {},
      "v:true": {},
      "i:10": {},
      "i:9": {},
      "f:first": {},
    },
    "q:unknown": {},
  };
  const written = writeFieldsV1(parseFieldsV1(fields));
  t.equal(
    JSON.stringify(written),
    JSON.stringify({
      "f:a": { ".": {}, "f:x": {} },
      "f:b": {},
      "f:list": {
        "f:first": {},
        'k:{"name":"a"}': {},
        'k:{"name":"z","port":80}': { ".": {}, "f:port": {} },
        "v:3": {},
        'v:"text"': {},
        "v:true": {},
        "i:9": {},
        "i:10": {},
      },
    }),
  );
  const paths: string[] = [];
  forEachPath(parseFieldsV1(fields), (path) => paths.push(pathText(path)));
  t.strictSame(paths.slice(0, 5), [".a", ".b", ".a.x", ".list.first", '.list[name="a"]']);
  t.ok(paths.includes(".list[10]") && paths.includes('.list[="text"]') && paths.includes(".list[=3]"));
  t.notOk(hasPath(parseFieldsV1({ "f:a": { "f:x": {} } }), ["f:a"]), "a path that only goes on is no member");
  for (const bad of ["x", 1, [], { 'k:"x"': {} }, { "v:{": {} }, { "i:one": {} }]) {
    t.throws(() => parseFieldsV1(bad), SyntaxError, JSON.stringify(bad));
  }
  t.ok(isEmptySet(parseFieldsV1(null)) && isEmptySet(parseFieldsV1({})));
});

t.test("steps have one text, an order and a form for people", async (t) => {
  t.equal(readElement('k:{"b":1, "a":"x"}'), keyElement([["a", "x"], ["b", 1]]), "keys are sorted"); // prettier-ignore
  t.equal(readElement("f:.hidden"), "f:.hidden");
  t.equal(readElement("x:y"), undefined);
  t.equal(elementText(valueElement("a b")), '[="a b"]');
  t.equal(elementText(keyElement([["port", 80], ["name", "x"]])), '[name="x",port=80]'); // prettier-ignore
  const sorted = ["f:A", "f:a", "f:\uffff", "f:\u{1f600}", 'k:{"a":1}', 'k:{"a":1,"b":1}', 'k:{"a":"0"}', "v:-1", "v:2", 'v:"a"', "v:null"]; // prettier-ignore
  t.strictSame([...sorted].reverse().sort(compareElements), sorted);
});

const names = ["f:a", "f:b", "f:c", 'k:{"name":"x"}', 'v:"v"', "i:0"];

function randomPaths(next: (bound: number) => number): readonly (readonly string[])[] {
  return Array.from({ length: next(12) }, () =>
    Array.from({ length: 1 + next(4) }, () => names[next(names.length)] ?? ""),
  );
}

function setOf(paths: readonly (readonly string[])[]): PathSet {
  const builder = new PathSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.set;
}

/** The slow twin: every path as a text. */
function texts(set: PathSet): ReadonlySet<string> {
  const found = new Set<string>();
  forEachPath(set, (path) => found.add(path.join(" ")));
  return found;
}

t.test("the algebra agrees with sets of texts", async (t) => {
  const seed = 20_261_121;
  const rng = seededRng(seed);
  const next = (bound: number): number => rng.int(bound);
  t.comment(`seed ${seed}`);
  for (let round = 0; round < 2000; round++) {
    const [left, right] = [setOf(randomPaths(next)), setOf(randomPaths(next))];
    const [mine, theirs] = [texts(left), texts(right)];
    const isBelow = (path: string): boolean => [...theirs].some((one) => path === one || path.startsWith(`${one} `));
    const check = (found: PathSet, wanted: Iterable<string>, what: string): void => {
      const same = JSON.stringify([...texts(found)].sort()) === JSON.stringify([...wanted].sort());
      if (!same || !isSound(found)) t.fail(`${what} in round ${round} of seed ${seed}`);
    };
    check(union(left, right), new Set([...mine, ...theirs]), "union");
    check(difference(left, right), [...mine].filter((path) => !theirs.has(path)), "difference"); // prettier-ignore
    check(intersection(left, right), [...mine].filter((path) => theirs.has(path)), "intersection"); // prettier-ignore
    check(recursiveDifference(left, right), [...mine].filter((path) => !isBelow(path)), "recursive difference"); // prettier-ignore
    check(onlyBelow(left, [["f:a", "*"]]), [...mine].filter((path) => /^f:a /.test(path)), "only below"); // prettier-ignore
    if (!isEmptySet(left)) check(parseFieldsV1(writeFieldsV1(left)), mine, "written and read");
  }
  t.pass("2000 rounds");
});

/** I1 of path sets: no child is empty. */
function isSound(set: PathSet): boolean {
  return [...set.children.values()].every((child) => !isEmptySet(child) && isSound(child));
}
