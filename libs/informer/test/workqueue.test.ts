import t from "tap";
import { createWorkQueue, runWorkers } from "@triarch/informer";

t.test("a key waits once, is never worked on twice at a time, and comes again when added meanwhile", async (t) => {
  const queue = createWorkQueue();
  queue.add("a");
  queue.add("a");
  t.equal(queue.length, 1);
  t.equal(await queue.next(), "a");
  queue.add("a");
  t.equal(queue.length, 0);
  queue.done("a");
  t.equal(await queue.next(), "a");
  queue.done("a");
  const last = queue.next();
  queue.shutDown();
  t.equal(await last, undefined);
});

t.test("a failing key is retried, and of two delays the earlier counts", async (t) => {
  const queue = createWorkQueue();
  const seen: string[] = [];
  const errors: string[] = [];
  const running = runWorkers(queue, {
    concurrency: 2,
    handler: async (key) => {
      seen.push(key);
      if (seen.filter((one) => one === "flaky").length === 1 && key === "flaky") throw new Error("once");
      if (seen.includes("late") && seen.filter((one) => one === "flaky").length === 2) queue.shutDown();
    },
    onError: (key) => errors.push(key),
  });
  queue.addAfter("late", 60_000);
  queue.addAfter("late", 1);
  queue.add("flaky");
  await running;
  t.same(errors, ["flaky"]);
  t.same(seen.sort(), ["flaky", "flaky", "late"]);
});
