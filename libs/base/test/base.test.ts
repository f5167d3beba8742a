import t from "tap";
import { BoundedQueue, compareBytes, parseScenario, prefixEnd, seededRng, utf8 } from "@triarch/base";

t.test("a full queue refuses and keeps what it has", async (t) => {
  const queue = new BoundedQueue<number>(2);
  t.equal(queue.push(1) && queue.push(2), true);
  t.equal(queue.push(3), false);
  t.equal(queue.shift(), 1);
  t.equal(queue.push(4), true);
  t.same(queue.drain(), [2, 4]);
});

t.test("prefixEnd carries past 0xff and has no end for an all-0xff prefix", async (t) => {
  t.same(prefixEnd(utf8("a")), utf8("b"));
  t.same([...prefixEnd(Uint8Array.of(1, 0xff))], [2]);
  t.same([...prefixEnd(Uint8Array.of(0xff))], [0]);
  t.ok(compareBytes(utf8("ab"), utf8("b")) < 0);
});

t.test("one seed, one sequence", async (t) => {
  const [a, b] = [seededRng(7), seededRng(7)];
  t.same([a.int(100), a.int(100)], [b.int(100), b.int(100)]);
});

t.test("scenario steps keep their line, input and blank lines in doubled separators", async (t) => {
  const steps = parseScenario("# c\nrun a=1\nin\n----\nok\n\nshow\n----\n----\nx\n\ny\n----\n----\n");
  t.same(steps, [
    { line: 2, command: "run a=1", input: "in", expected: "ok" },
    { line: 7, command: "show", input: "", expected: "x\n\ny" },
  ]);
});
