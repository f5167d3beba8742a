// One member of an object, found in its bytes: what JSON.parse finds, whatever stands before it.
import fc from "fast-check";
import t from "tap";
import { memberOf } from "../src/storage/json-members.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const find = (text: string, name = '"labels"', start = 0): string | undefined => {
  const found = memberOf(bytesOf(text), start, bytesOf(name));
  return found === undefined ? undefined : Buffer.from(found).toString();
};

t.test("it finds what JSON.parse finds", (t) => {
  const key = fc.oneof(fc.constantFrom("labels", "f:labels", "label", "labels2", 'la"bels', "\\labels"), fc.string());
  const object = fc.dictionary(key, fc.jsonValue());
  fc.assert(
    fc.property(object, fc.constantFrom(0, 1), (members, indent) => {
      const found = find(JSON.stringify(members, undefined, indent));
      const wanted = Object.hasOwn(members, "labels") ? members["labels"] : undefined;
      t.equal(found === undefined ? undefined : JSON.stringify(JSON.parse(found)), JSON.stringify(wanted));
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test("by example", (t) => {
  t.equal(find('{"name":"a","labels":{"x":"}\\""},"z":1}'), '{"x":"}\\""}');
  t.equal(find('{"annotations":{"labels":{"no":"1"}},"labels":{}}'), "{}", "not one of another object inside");
  t.equal(find('{"annotations":{"a":"\\"labels\\":{"}}'), undefined, "nor what looks like one in a text");
  t.equal(find("{}"), undefined);
  t.equal(find('{"kind":"Pod","metadata":{"labels":null}}', '"labels"', 25), "null", "from where the object starts");
  t.equal(find('{ "labels" :\n\t[1, {"a": [2]}] , "b" : 3 }'), '[1, {"a": [2]}]');
  t.equal(find('{"a":-1.5e3,"labels":true}'), "true");
  t.end();
});

t.test("what is no JSON is told", (t) => {
  for (const text of ['{"labels', '{"a":"x', '{"a":{"b":1', '{"a" "b"}', "[1]", '{"a":,}', "{1:2}", ""]) {
    t.throws(() => find(text), Error, text);
  }
  t.end();
});
