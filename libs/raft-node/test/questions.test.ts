import t from "tap";
import { ManualClock, utf8, utf8Text } from "@triarch/base";
import { transportLimits } from "../src/limits.ts";
import { Questions, Replies } from "../src/transport/questions.ts";
import { RaftNodeError } from "../src/index.ts";
import { TestCluster, until } from "./support.ts";

async function failureOf(asked: Promise<unknown> | undefined): Promise<string> {
  try {
    await asked;
    return "none";
  } catch (error) {
    return error instanceof RaftNodeError ? error.failure : String(error);
  }
}

t.test("members ask each other; what fails there is told as unreachable, and a member that is gone, too", async (t) => {
  const cluster = new TestCluster(t, [1n, 2n, 3n], {
    onQuestion: async (from, payload) => {
      const text = utf8Text(payload);
      if (text === "fail") throw new Error("planted");
      if (text === "never") return new Promise<Uint8Array>(() => undefined);
      return utf8(`${from} asked ${text}`);
    },
  });
  await cluster.start();
  await cluster.leader();
  const [one, , three] = cluster.members;
  const ask = (to: bigint, text: string, timeoutMs = 5_000): Promise<string> =>
    (one?.node?.ask(to, utf8(text), { timeoutMs }) ?? Promise.reject(new Error("no node"))).then(utf8Text);
  await until("connected", () => one?.node?.status().peers.every(({ link }) => link === "connected") === true);
  t.strictSame(await Promise.all([ask(2n, "a"), ask(3n, "b"), ask(2n, "c")]), ["1 asked a", "1 asked b", "1 asked c"]);
  t.equal(await failureOf(ask(2n, "fail")), "unreachable");
  t.equal(await failureOf(ask(2n, "never", 1)), "timeout");
  t.equal(await failureOf(ask(9n, "a")), "unreachable");
  const lost = ask(3n, "never");
  lost.catch(() => undefined);
  if (three !== undefined) await cluster.stopOne(three);
  t.equal(await failureOf(lost), "unreachable");
});

t.test("replies go to their questions in any order; late and foreign ones to nobody", async (t) => {
  const questions = new Questions(new ManualClock());
  const sent: Uint8Array[] = [];
  const ask = (peer: bigint): Promise<Uint8Array> =>
    questions.ask({ peer, payload: utf8("q"), timeoutMs: 10, send: (bytes) => sent.push(bytes) > 0 });
  const asked = [ask(2n), ask(2n), ask(3n)];
  const [first, second, third] = sent.map((question) => {
    let reply = new Uint8Array(0);
    new Replies({
      answer: async (payload) => payload,
      send: (bytes) => (reply = Uint8Array.from(bytes)),
    }).asked(question);
    return () => reply;
  });
  await new Promise((resolve) => setImmediate(resolve));
  questions.replied(3n, second?.() ?? utf8("")); // asked of another member
  questions.replied(2n, second?.() ?? utf8(""));
  questions.replied(2n, first?.() ?? utf8(""));
  t.strictSame((await Promise.all(asked.slice(0, 2))).map(utf8Text), ["q", "q"]);
  questions.lost(3n);
  questions.replied(3n, third?.() ?? utf8(""));
  t.equal(await failureOf(asked[2]), "unreachable");
});

t.test("past questionsMax a question fails at once, on either side", async (t) => {
  const clock = new ManualClock();
  const questions = new Questions(clock);
  const ask = (): Promise<Uint8Array> =>
    questions.ask({ peer: 2n, payload: utf8("q"), timeoutMs: 10, send: () => true });
  const waiting = Array.from({ length: transportLimits.questionsMax }, ask);
  t.equal(await failureOf(ask()), "unreachable");
  clock.advance(10);
  questions.expire();
  const ends = await Promise.allSettled(waiting);
  t.ok(
    ends.every(
      (end) => end.status === "rejected" && end.reason instanceof RaftNodeError && end.reason.failure === "timeout",
    ),
  );

  const outcomes: number[] = [];
  const replies = new Replies({
    answer: () => new Promise(() => undefined),
    send: (reply) => outcomes.push(reply[4] ?? -1),
  });
  for (let i = 0; i < transportLimits.questionsMax + 2; i++) replies.asked(new Uint8Array(4));
  t.strictSame(outcomes, [1, 1]);
});
