import t from "tap";
import { ManualClock, type Timers } from "@triarch/base";
import { BackgroundWork } from "../src/server/background-work.ts";

/** Waits are over when the test lets the time pass. */
class ManualTimers implements Pick<Timers, "after"> {
  readonly clock = new ManualClock();
  readonly #waits: { readonly atMs: number; readonly run: () => void }[] = [];

  after(delayMs: number, run: () => void): { cancel(): void } {
    this.#waits.push({ atMs: this.clock.monotonicMs() + delayMs, run });
    return { cancel: () => undefined };
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    const due = this.#waits.filter(({ atMs }) => atMs <= this.clock.monotonicMs());
    for (const wait of due) {
      this.#waits.splice(this.#waits.indexOf(wait), 1);
      wait.run();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test("a slice is followed by a rest as long, and the rests of several pieces of work add up", async (t) => {
  const timers = new ManualTimers();
  const work = new BackgroundWork({ clock: timers.clock, timers });
  const over: string[] = [];
  const one = work.begin();
  const other = work.begin();
  timers.clock.advance(4);
  void one().then(() => over.push("one"));
  void other().then(() => over.push("other"));
  await timers.pass(3);
  t.same(over, []);
  await timers.pass(1);
  t.same(over, ["one"]);
  await timers.pass(4);
  t.same(over, ["one", "other"]);

  timers.clock.advance(60_000); // it waited for its client
  void one().then(() => over.push("one again"));
  await timers.pass(49);
  t.equal(over.length, 2);
  await timers.pass(1);
  t.same(over.at(-1), "one again");
});
