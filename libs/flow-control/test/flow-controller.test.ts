// The controller around the queues: exempt and rejecting levels, changes of rules, bounds of memory, dumps.
import t from "tap";
import {
  type Arrival,
  dumpPriorityLevels,
  dumpQueues,
  dumpRequests,
  FlowController,
  oneSeat,
  type Ticket,
  writeWork,
} from "@triarch/flow-control";
import { catchAll, exempt, level, listPods, mandatorySchemas, schema } from "./simulation.ts";

const queuing = { queues: 1, handSize: 1, queueLengthMax: 3 };
const limited = level("l", { nominalShares: 5, queuing });
const defaults = { seatsTotal: 4, waitingMax: 100, waitingBytesMax: 1000, hashSeed: 0 };

function controllerWith(levels = [limited], options = defaults): FlowController {
  const controller = new FlowController(options);
  const schemas = [...mandatorySchemas, ...levels.map(({ name }) => schema(name, name))];
  controller.configure(schemas, [exempt, catchAll, ...levels], 0);
  return controller;
}

function arrive(
  controller: FlowController,
  group: string,
  nowMs: number,
  more: Partial<Arrival> = {},
  started: Ticket[] = [],
) {
  const user = { name: "u", groups: [group, "system:authenticated"] };
  const arrival = { user, request: listPods, work: oneSeat, bytes: 0, ...more };
  return controller.arrive(controller.classify(user, listPods), arrival, nowMs, started);
}

t.test("seats, then the queue, then refusals; a seat that gets free is the next one's", async (t) => {
  const controller = controllerWith();
  const tickets = Array.from({ length: 6 }, (_, i) => arrive(controller, "l", i));
  t.same(
    tickets.map(({ state, refusal }) => refusal ?? state),
    ["executing", "executing", "waiting", "waiting", "waiting", "queue-full"],
  );
  const [first, second, third, fourth, fifth] = tickets as [Ticket, Ticket, Ticket, Ticket, Ticket];
  t.same(controller.finish(first, 10), [third]);
  t.equal(third.startedMs, 10);
  t.same(controller.withdraw(fourth, "time-out", 20), []);
  t.equal(fourth.refusal, "time-out");
  t.same(controller.finish(second, 30), [fifth]);
  t.throws(() => controller.finish(second, 31), /only what executes/);
  const [stats] = [...controller.flowStats()].filter(({ schemaName }) => schemaName === "l");
  t.match(stats, {
    dispatched: 4,
    waiting: 0,
    executing: 2,
    executingSeats: 2,
    refused: { "queue-full": 1, "time-out": 1 },
  });
  t.equal(stats?.waitsExecuted.count, 4);
  t.equal(stats?.waitsRefused.count, 1);
});

t.test("an exempt request always executes; a level without queues refuses what has no seat", async (t) => {
  const controller = controllerWith();
  for (let i = 0; i < 100; i++) t.equal(arrive(controller, "exempt", 0).state, "executing");
  const others = Array.from({ length: 4 }, () => arrive(controller, "nobody", 0));
  t.same(
    others.map(({ refusal }) => refusal),
    [undefined, undefined, "concurrency-limit", "concurrency-limit"],
  );
  t.equal(controller.classify({ name: "u", groups: [] }, listPods).config.name, "catch-all");
});

t.test("a write that many watch keeps its seats a little longer", async (t) => {
  const controller = controllerWith();
  const write = arrive(controller, "l", 0, { work: writeWork(20, 10) });
  const next = arrive(controller, "l", 0);
  t.equal(next.state, "waiting");
  t.same(controller.finish(write, 4), []);
  t.equal(write.state, "lingering");
  t.same(controller.release(write, 9), [next]);
  t.equal(write.state, "done");
});

t.test("new rules take effect on what waits", async (t) => {
  const controller = controllerWith();
  const tickets = Array.from({ length: 5 }, () => arrive(controller, "l", 0));
  const roomy = level("l", { nominalShares: 95, queuing });
  const schemas = [...mandatorySchemas, schema("l", "l")];
  t.equal(controller.configure(schemas, [exempt, catchAll, roomy], 1).length, 2, "four seats instead of two");
  t.equal(tickets.filter(({ state }) => state === "executing").length, 4);
  const shut = level("l", { nominalShares: 0, queuing });
  t.same(controller.configure(schemas, [exempt, catchAll, shut], 2), []);
  for (const ticket of tickets.filter(({ state }) => state === "executing")) controller.finish(ticket, 3);
  t.equal(tickets[4]?.state, "waiting", "no seat is left");
});

t.test("a level whose object is gone serves what it has, then it is forgotten", async (t) => {
  const controller = controllerWith();
  const tickets = Array.from({ length: 3 }, () => arrive(controller, "l", 0));
  controller.configure([...mandatorySchemas, schema("l", "l")], [exempt, catchAll], 1);
  t.equal(controller.levels().find(({ name }) => name === "l")?.isQuiescing, true);
  t.equal(controller.classify({ name: "u", groups: ["l"] }, listPods).config.name, "catch-all");
  const started = tickets.slice(0, 2).flatMap((ticket) => controller.finish(ticket, 2));
  t.same(started, [tickets[2]]);
  controller.finish(tickets[2] as Ticket, 3);
  controller.adjust(10_000);
  t.same(
    controller.levels().map(({ name }) => name),
    ["catch-all", "exempt"],
  );
  t.same([...controller.flowStats()].map(({ schemaName }) => schemaName).sort(), ["catch-all", "exempt", "l"]);
  controller.configure(mandatorySchemas, [exempt, catchAll], 20_000);
  t.same([...controller.flowStats()].map(({ schemaName }) => schemaName).sort(), ["catch-all", "exempt"]);
});

t.test("one flooded level leaves half of the room to wait, in requests and in bytes", async (t) => {
  const deep = { queues: 1, handSize: 1, queueLengthMax: 1000 };
  const levels = ["a", "b", "c"].map((name) => level(name, { queuing: deep }));
  const controller = controllerWith(levels, { ...defaults, waitingMax: 80 });
  const waitingOf = (name: string): number => controller.levels().find((one) => one.name === name)?.queues.waiting ?? 0;
  for (const name of ["a", "b", "c"]) for (let i = 0; i < 200; i++) arrive(controller, name, 0);
  t.equal(waitingOf("a"), 40);
  t.equal(waitingOf("b"), 20);
  t.equal(waitingOf("c"), 10);

  const byBytes = controllerWith(levels);
  for (let i = 0; i < 50; i++) arrive(byBytes, "a", 0, { bytes: 100 });
  t.equal(byBytes.levels().find((one) => one.name === "a")?.waitingBytes, 500);
  t.equal(arrive(byBytes, "b", 0).state, "executing");
  t.equal(arrive(byBytes, "b", 0, { bytes: 10 }).state, "executing");
  t.equal(arrive(byBytes, "b", 0, { bytes: 250 }).state, "waiting");
});

t.test("a level that lent its only seat can serve at once", async (t) => {
  const lending = level("lending", { nominalShares: 1, lendablePercent: 100, queuing });
  const controller = controllerWith([level("l", { nominalShares: 95, queuing }), lending]);
  for (let i = 0; i < 8; i++) arrive(controller, "l", 0);
  controller.adjust(10_000);
  t.equal(arrive(controller, "lending", 10_001).state, "executing");
});

t.test("dumps: levels, queues in use, requests", async (t) => {
  const controller = controllerWith();
  for (let i = 0; i < 4; i++) arrive(controller, "l", i);
  t.equal(
    dumpPriorityLevels(controller),
    [
      "PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, ExecutingRequests, DispatchedRequests, RejectedRequests, TimedoutRequests, CancelledRequests",
      "catch-all,         0,            true,   false,       0,               0,                 0,                  0,                0,                0",
      "exempt,            0,            true,   false,       0,               0,                 0,                  0,                0,                0",
      "l,                 1,            false,  false,       2,               2,                 2,                  0,                0,                0",
      "",
    ].join("\n"),
  );
  t.match(dumpQueues(controller), /^l, +0, +2, +2, +2, +0\.00\d+ss, +2, +2, +0\.00600000ss$/m);
  const requests = dumpRequests(controller, { epochMs: Date.UTC(2026, 0, 1), includeDetails: true });
  t.match(
    requests,
    /^l, +l, +0, +-1, +u, +2026-01-01T00:00:00\.000000Z, 1, +0, +0s, +2026-.*Z, +u, +list, +, +default, +, +, +pods, +$/m,
  );
  t.match(requests, /^l, +l, +0, +1, +u, +2026-01-01T00:00:00\.003000Z, 1, +0, +0s, +0001-01-01T00:00:00Z, /m);
  t.notMatch(dumpRequests(controller, { epochMs: 0, includeDetails: false }), /UserName/);
});
