import t from "tap";
import { seededRng, type Rng } from "@triarch/base";
import { watchGuarantees, type SeenEvent, type WatchAnswer, type WatchTrace } from "../src/index.ts";

const seed = Number(process.env["SEED"] ?? 20261121);

const put = (key: string, modRevision: number, value = `v${modRevision}`): SeenEvent => ({
  ...{ kind: "put", key, modRevision, value },
});
const drop = (key: string, modRevision: number): SeenEvent => ({ kind: "delete", key, modRevision, value: "" });
const answer = (...events: SeenEvent[]): WatchAnswer => ({ kind: "events", events, fragment: false });
const part = (...events: SeenEvent[]): WatchAnswer => ({ kind: "events", events, fragment: true });
const progress = (revision: number): WatchAnswer => ({ kind: "progress", revision });

/** Revision 4 changes two keys. */
const history = [put("a", 2), put("b", 3), put("a", 4), put("b", 4), drop("a", 5), put("a", 6), put("c", 7)];
const [a2, b3, a4, b4, a5, a6] = history as [SeenEvent, SeenEvent, SeenEvent, SeenEvent, SeenEvent, SeenEvent];

function trace(answers: readonly WatchAnswer[], more: Partial<WatchTrace> = {}): WatchTrace {
  return { name: "w", startRevision: 2, matches: (key) => key !== "c", answers, ...more };
}

/** Names of the promises that the trace breaks. */
function broken(one: WatchTrace): readonly string[] {
  return Object.entries(watchGuarantees).flatMap(([name, check]) => (check(one, history).length > 0 ? [name] : []));
}

t.test("a watch that keeps every promise", async (t) => {
  t.same(
    broken(
      trace([answer(a2, b3), answer(a4, b4), progress(4), answer(a5), answer(a6), progress(7)], { completeTo: 7 }),
    ),
    [],
  );
  t.same(broken(trace([answer(a2, b3), part(a4), answer(b4)])), [], "in fragments, and ended early");
  t.same(broken(trace([answer(a5), answer(a6)], { startRevision: 5 })), [], "from the middle");
  t.same(broken(trace([progress(7)], { startRevision: 8 })), [], "from later on");
  t.same(broken(trace([], { startRevision: 2 })), [], "ended before anything came");
});

t.test("each promise, broken, is found by its validator", async (t) => {
  t.same(broken(trace([answer(b3), answer(a2)])), ["ordered", "resumable"]);
  t.same(broken(trace([answer(a2), answer(b3), answer(b3)])), ["unique", "atomic"]);
  t.same(broken(trace([answer(a2, b3), answer(a4), answer(b4)])), ["atomic"]);
  t.same(broken(trace([answer(a2), answer(a4, b4)])), ["reliable"], "a gap");
  t.same(broken(trace([answer(a2, b3), answer(a4), answer(a5)])), ["reliable"], "half a revision");
  t.same(broken(trace([answer(a2, b3), answer(a4, b4)], { completeTo: 6 })), ["reliable"], "the end is missing");
  t.same(broken(trace([answer(a2, put("b", 3, "other"))])), ["reliable"], "what never happened");
  t.same(broken(trace([answer(b3)])), ["resumable"], "the first event is missing");
  t.same(broken(trace([], { completeTo: 7 })), ["resumable"], "everything is missing");
  t.same(broken(trace([answer(b3), answer(a4, b4)], { startRevision: 4 })), ["resumable"], "from before the start");
  t.same(broken(trace([answer(a2), progress(3), answer(b3)])), ["bookmarkable"], "progress ahead of an event");
  t.same(broken(trace([answer(a2, b3), progress(3), progress(2)])), ["bookmarkable"], "progress that goes back");
  t.same(broken(trace([answer(a2, b3), progress(5)])), ["bookmarkable"], "progress past what was sent");
  t.same(broken(trace([answer({ ...a2, previousValue: "x" })])), ["previousValues"]);
  t.same(broken(trace([answer(a2, b3), answer({ ...a4, previousValue: "v2" }, b4)])), [], "the right previous value");
  t.same(
    broken(trace([answer({ ...a6, previousValue: "v4" })], { startRevision: 6 })),
    ["previousValues"],
    "after a delete",
  );
});

t.test(
  "random watches of a right store keep every promise; with an event taken out, doubled or moved they do not",
  async (t) => {
    const rng = seededRng(seed);
    for (let i = 0; i < 300; i++) {
      const answers = cut(rng);
      const wrong = damage(answers, rng);
      const [right, found] = [answers, wrong].map((one) => broken(trace(one, { completeTo: 7 })));
      if (right?.length === 0 && (found?.length ?? 0) > 0) continue;
      t.fail(`seed ${seed}, watch ${i}: right ${JSON.stringify(answers)}, damaged ${JSON.stringify(wrong)}`);
      return;
    }
    t.pass(`300 watches of seed ${seed}`);
  },
);

/** The history in answers of random size, progress between them. */
function cut(rng: Rng): WatchAnswer[] {
  const answers: WatchAnswer[] = [];
  const byRevision = Map.groupBy(
    history.filter((event) => event.key !== "c"),
    (event) => event.modRevision,
  );
  let gathered: SeenEvent[] = [];
  for (const [revision, events] of byRevision) {
    gathered = [...gathered, ...events];
    if (rng.int(2) === 0) continue;
    answers.push(answer(...gathered));
    gathered = [];
    if (rng.int(3) === 0) answers.push(progress(revision));
  }
  if (gathered.length > 0) answers.push(answer(...gathered));
  return answers;
}

function damage(answers: readonly WatchAnswer[], rng: Rng): WatchAnswer[] {
  const events = answers.filter((one) => one.kind === "events");
  const victim = events[rng.int(events.length)];
  const kind = rng.int(3);
  return answers.flatMap((one): WatchAnswer[] => {
    if (one !== victim || victim === undefined) return [one];
    const at = rng.int(victim.events.length);
    if (kind === 0) return [answer(...victim.events.filter((_event, i) => i !== at))];
    if (kind === 1) return [victim, victim];
    const moved = victim.events[at];
    return moved === undefined ? [] : [answer(...victim.events, moved)];
  });
}
