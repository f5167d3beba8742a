import t from "tap";
import { labelSelectorMatcher, parseFieldSelector, parseLabelSelector, SelectorError } from "@triarch/api";

function message(run: () => unknown): string {
  try {
    run();
    return "no error";
  } catch (error) {
    return error instanceof SelectorError ? error.message : `unexpected: ${String(error)}`;
  }
}

t.test("label selectors match as written", async (t) => {
  const objects = {
    front: { app: "web", tier: "front" },
    plain: { app: "web" },
    back: { app: "db", tier: "back", in: "yes" },
    none: {},
  };
  const cases: readonly (readonly [string, string])[] = [
    ["", "front plain back none"],
    ["app=web", "front plain"],
    ["app==db", "back"],
    ["app!=web", "back none"],
    ["app", "front plain back"],
    ["!tier", "plain none"],
    ["app in (web,db),tier", "front back"],
    ["tier notin (front)", "plain back none"],
    ["tier notin (front),app", "plain back"],
    ["app in (web,)", "front plain"],
    ["app = web , tier=front", "front"],
    ["in", "back"],
    ["in in (yes)", "back"],
    ["app=", ""],
  ];
  for (const [text, wanted] of cases) {
    const matcher = parseLabelSelector(text);
    const found = Object.entries(objects).filter(([, labels]) => matcher.matches(labels));
    t.equal(found.map(([name]) => name).join(" "), wanted, text);
  }
  t.equal(parseLabelSelector("n>5").matches({ n: "6" }), true);
  t.equal(parseLabelSelector("n<5").matches({ n: "6" }), false);
  t.equal(parseLabelSelector("n>5").matches({ n: "many" }), false);
  t.equal(parseLabelSelector("toString").matches({}), false, "inherited names are no labels");
});

t.test("bad label selectors say what was found and what would do", async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ["app in (web", "unable to parse requirement: found '', expected: ',' or ')'"],
    ["app=web=x", "found '=', expected: ',' or 'end of string'"],
    ["a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ["=v", "found '=', expected: !, identifier, or 'end of string'"],
    ["a,", "found '', expected: identifier after ','"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    [
      "a in ()",
      "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
    ],
    [
      "n>x",
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ];
  for (const [text, wanted] of cases)
    t.equal(
      message(() => parseLabelSelector(text)),
      wanted,
      text,
    );
  t.match(
    message(() => parseLabelSelector("x/y/z=1")),
    'unable to parse requirement: <nil>: Invalid value: "x/y/z": a valid label key must consist',
  );
  t.match(
    message(() => parseLabelSelector("a=-b")),
    'values[0][a]: Invalid value: "-b": a valid label must be',
  );
});

t.test("LabelSelector objects", async (t) => {
  const matcher = labelSelectorMatcher({
    matchLabels: { app: "web" },
    matchExpressions: [
      { key: "tier", operator: "NotIn", values: ["b", "a"] },
      { key: "gone", operator: "DoesNotExist" },
      { key: "x", operator: "Exists" },
    ],
  });
  t.equal(matcher.toString(), "app=web,!gone,tier notin (a,b),x");
  t.equal(matcher.matches({ app: "web", x: "" }), true);
  t.equal(matcher.matches({ app: "web", x: "", tier: "a" }), false);
  t.equal(labelSelectorMatcher(undefined).matches({}), false, "no selector: nothing");
  t.equal(labelSelectorMatcher({}).matches({ any: "thing" }), true, "empty selector: everything");
});

t.test("field selectors", async (t) => {
  const supported = ["metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"];
  const pod = { "metadata.name": "p,1", "spec.nodeName": "n1", "status.phase": "Running" };
  const matches = (text: string): boolean => parseFieldSelector(text, supported).matches(pod);
  t.equal(matches("spec.nodeName=n1,status.phase!=Succeeded,status.phase!=Failed"), true);
  t.equal(matches("spec.nodeName==n2"), false);
  t.equal(matches("spec.host=n1"), true, "the old name of spec.nodeName");
  t.equal(matches("metadata.name=p\\,1"), true, "escaped comma");
  t.equal(matches(""), true);
  t.equal(parseFieldSelector("spec.nodeName=n1", supported).exactly("spec.nodeName"), "n1");
  t.equal(parseFieldSelector("spec.nodeName!=n1", supported).exactly("spec.nodeName"), undefined);

  const cases: readonly (readonly [string, readonly string[] | undefined, string])[] = [
    ["metadata.name", undefined, "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ["data.v=s1", undefined, '"data.v" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ["spec.containers=x", supported, "field label not supported: spec.containers"],
    ["metadata.name=a\\b", undefined, "invalid field selector: invalid escape sequence: \\b"],
    ["metadata.name=a=b", undefined, "invalid field selector: unescaped character in value: ="],
  ];
  for (const [text, known, wanted] of cases)
    t.equal(
      message(() => parseFieldSelector(text, known)),
      wanted,
      text,
    );
});
