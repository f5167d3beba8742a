import t from "tap";
import { ManualClock } from "@triarch/base";
import { SchedulingQueue } from "../src/scheduling-queue.ts";

t.test("priority first, then age; a failed pod waits longer each time", async (t) => {
  const clock = new ManualClock();
  const queue = new SchedulingQueue(clock);
  queue.add("a", 0);
  clock.advance(1);
  queue.add("b", 0);
  queue.add("urgent", 100);
  t.same([queue.pop(), queue.pop(), queue.pop(), queue.pop()], ["urgent", "a", "b", undefined]);
  queue.failed("a", false);
  clock.advance(999);
  t.equal(queue.pop(), undefined);
  clock.advance(1);
  t.equal(queue.pop(), "a");
  queue.failed("a", false);
  clock.advance(1_999);
  t.equal(queue.pop(), undefined);
  clock.advance(1);
  t.equal(queue.pop(), "a");
});

t.test(
  "an unschedulable pod comes back with an event, also one that came while it was tried, or after five minutes",
  async (t) => {
    const clock = new ManualClock();
    const queue = new SchedulingQueue(clock);
    queue.add("a", 0);
    queue.pop();
    queue.failed("a", true);
    clock.advance(60_000);
    t.equal(queue.pop(), undefined, "nothing changed");
    queue.moveUnschedulable();
    t.equal(queue.pop(), "a");
    queue.moveUnschedulable();
    queue.failed("a", true);
    clock.advance(10_000);
    t.equal(queue.pop(), "a", "the event during the try counts");
    queue.failed("a", true);
    clock.advance(300_000);
    t.equal(queue.pop(), "a", "the flush");
  },
);
