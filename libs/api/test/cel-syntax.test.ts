import t from "tap";
import { celMembers, celProblem, isCelIdentifier } from "../src/validation/cel-syntax.ts";

t.test("expressions of the language", async (t) => {
  const good = [
    "a",
    "self.size < 9 || self.color == 'red'",
    "has(a.b) ? [1,2,] : {'a': 1}",
    "a.?b.orValue(1) + a[?'b']",
    "x.all(i, i in [1,2])",
    "-1 + -a - --b",
    "!!a && !b",
    "Object{spec: Object.spec{a: 1}}",
    ".a.b{c: 1}",
    "a.`b-c/d`",
    "1.5e3 == .5 || 0xFFu > 1u",
    String.raw`rb'x' == r"\d"`,
    "'''a\n'b'''",
    "// why\na",
    "true ? null : false",
    `${"(".repeat(100)}a${")".repeat(100)}`,
  ];
  for (const expression of good) t.equal(celProblem(expression), undefined, expression.slice(0, 40));
});

t.test("what is none, and where that shows", async (t) => {
  const bad: readonly (readonly [expression: string, place: string])[] = [
    ["", "1:0"],
    ["a b", "1:3"],
    ["a\n  +", "2:4"],
    ["f(1,)", "1:5"],
    ["a..b", "1:3"],
    ["(a", "1:3"],
    ["a ? b", "1:6"],
    ["{", "1:2"],
    ["{'a' 1}", "1:6"],
    ["a[1", "1:4"],
    ["'unclosed", "1:1"],
    ["a # b", "1:3"],
    ["if", "1:1"],
    ["a == 'x'x", "1:9"],
    ["Not_Valid!", "1:10"],
  ];
  for (const [expression, place] of bad) {
    t.match(celProblem(expression) ?? "", `ERROR: <input>:${place}: Syntax error: `, expression);
  }
  t.match(celProblem("(".repeat(100_000)), /Syntax error/, "nesting is bounded");
  t.match(celProblem("!".repeat(100_000)), /Syntax error/, "so are chains of operators");
});

t.test("reading takes time in proportion to the length", async (t) => {
  const startMs = performance.now();
  for (const part of ["'a' + ", "a.", "[", "a ? b : ", '"', "/", "`"]) celProblem(part.repeat(10_000));
  t.ok(performance.now() - startMs < 5_000);
});

t.test("names of variables, and members that an expression takes", async (t) => {
  for (const name of ["a", "_", "a1"]) t.ok(isCelIdentifier(name), name);
  for (const name of ["", "1a", "a-b", "in", "true", "package"]) t.notOk(isCelIdentifier(name), name);
  t.strictSame(celMembers("x.a + f(x.b) + x.c() + y.x.d + 'x.e' + x", "x"), ["a", "b"]);
});
