// What flow control promises to clients: equal parts for flows that want more than there is, no starvation, seats that
// other levels do not use.
import t from "tap";
import { seededRng } from "@triarch/base";
import { adjustPeriodMs, listWork, writeWork } from "@triarch/flow-control";
import { level, schema, Simulation } from "./simulation.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1e9);
t.comment(`SEED=${seed}`);
const tenants = level("tenants", { nominalShares: 100, queuing: { queues: 128, handSize: 6, queueLengthMax: 50 } });
const oneLevel = { schemas: [schema("tenants", "tenants")], levels: [tenants] };
const groups = ["tenants"];

t.test("two flows that want all seats have equal parts, however hard one of them pushes", async (t) => {
  const run = new Simulation({ seatsTotal: 21, ...oneLevel });
  run.send({ user: "elephant", groups, atOnce: 150, serviceMs: 10 });
  run.send({ user: "mouse", groups, atOnce: 20, serviceMs: 10 });
  run.run(10_000);
  const [elephant, mouse] = [run.outcome("elephant").seatMs, run.outcome("mouse").seatMs];
  // The elephant's hand is six queues and the mouse's too; the mouse fills fewer of them.
  t.ok(mouse > 0.2 * elephant, `mouse ${mouse}, elephant ${elephant}`);
  t.ok(run.outcome("mouse").longestWaitMs < 500, `waits ${run.outcome("mouse").longestWaitMs} ms at most`);
});

t.test("with one queue each, seats are shared by time in them, not by the number of requests", async (t) => {
  const single = level("tenants", { nominalShares: 100, queuing: { queues: 4096, handSize: 1, queueLengthMax: 500 } });
  const run = new Simulation({ seatsTotal: 21, schemas: oneLevel.schemas, levels: [single] });
  run.send({ user: "many-short", groups, atOnce: 300, serviceMs: 2 });
  run.send({ user: "few-long", groups, atOnce: 40, serviceMs: 50 });
  run.send({
    user: "wide",
    groups,
    atOnce: 30,
    serviceMs: 10,
    work: listWork({ stored: 400, limit: 0, hasSelectors: false }, 4),
  });
  run.run(15_000);
  const parts = ["many-short", "few-long", "wide"].map((user) => run.outcome(user).seatMs);
  const total = parts.reduce((sum, part) => sum + part, 0);
  for (const part of parts) t.ok(part > 0.27 * total && part < 0.4 * total, `parts ${parts.join(", ")}`);
});

t.test("a flow that comes late waits little, whatever has piled up before it", async (t) => {
  const run = new Simulation({ seatsTotal: 10, ...oneLevel });
  run.send({ user: "flood", groups, atOnce: 400, serviceMs: 20 });
  run.send({ user: "late", groups, atOnce: 1, serviceMs: 20, startMs: 5_000 });
  run.run(15_000);
  const { executed, longestWaitMs, refused } = run.outcome("late");
  t.ok(executed > 100, `${executed} executed`);
  t.equal(refused, 0);
  t.ok(longestWaitMs <= 60, `${longestWaitMs} ms`);
  t.ok(run.outcome("flood").refused > 0, "the flood's own queues are full");
});

t.test("nobody saves up: who was away, or asked for little, gets no more than a fair part later", async (t) => {
  const single = level("tenants", { nominalShares: 100, queuing: { queues: 4096, handSize: 1, queueLengthMax: 500 } });
  for (const before of [0, 1]) {
    const run = new Simulation({ seatsTotal: 11, schemas: oneLevel.schemas, levels: [single] });
    run.send({ user: "busy", groups, atOnce: 100, serviceMs: 10 });
    if (before > 0) run.send({ user: "burst", groups, atOnce: before, serviceMs: 10 });
    run.send({ user: "burst", groups, atOnce: 100, serviceMs: 10, startMs: 5_000 });
    run.run(5_000);
    const [busyBefore, burstBefore] = [run.outcome("busy").seatMs, run.outcome("burst").seatMs];
    run.run(1_000);
    const [busy, burst] = [run.outcome("busy").seatMs - busyBefore, run.outcome("burst").seatMs - burstBefore];
    t.ok(burst < 1.2 * busy && busy < 1.2 * burst, `${before} at once before: busy ${busy}, burst ${burst}`);
  }
});

t.test("a wide request is not overtaken for ever by narrow ones", async (t) => {
  const run = new Simulation({ seatsTotal: 12, ...oneLevel });
  run.send({ user: "narrow", groups, atOnce: 200, serviceMs: 10 });
  run.send({
    user: "wide",
    groups,
    atOnce: 1,
    serviceMs: 10,
    work: listWork({ stored: 5000, limit: 0, hasSelectors: true }, 10),
  });
  run.run(5_000);
  t.ok(run.outcome("wide").executed > 50, `${run.outcome("wide").executed} lists`);
  t.ok(run.outcome("wide").longestWaitMs < 200);
});

t.test("levels do not touch each other's seats; those that lend get theirs back within a period", async (t) => {
  const levels = [
    level("tenants", { nominalShares: 50, queuing: tenants.queuing }),
    level("system", { nominalShares: 50, lendablePercent: 50, queuing: tenants.queuing }),
  ];
  const schemas = [schema("tenants", "tenants"), schema("system", "system", { precedence: 10 })];
  const run = new Simulation({ seatsTotal: 105, schemas, levels });
  const seatsOf = (name: string): number => run.controller.levels().find((one) => one.name === name)?.seatsMax ?? 0;
  const nominal = 50;
  run.send({ user: "flood", groups, atOnce: 250, serviceMs: 50 });
  run.run(adjustPeriodMs + 1);
  t.ok(seatsOf("tenants") >= nominal + 20, `borrows: ${seatsOf("tenants")}`);
  t.equal(seatsOf("system"), nominal / 2, "lends the half, no more");
  run.send({ user: "node", groups: ["system"], atOnce: 45, serviceMs: 50 });
  run.run(2 * adjustPeriodMs);
  t.ok(seatsOf("system") >= 45, `has what it needs again: ${seatsOf("system")}`);
  t.ok(seatsOf("tenants") <= nominal + 10, `${seatsOf("tenants")}`);
  t.equal(run.outcome("node").refused, 0);
});

t.test("a quiet level answers at once while another is flooded", async (t) => {
  const levels = [tenants, level("system", { nominalShares: 30, queuing: tenants.queuing })];
  const schemas = [schema("tenants", "tenants"), schema("system", "system", { precedence: 10 })];
  const run = new Simulation({ seatsTotal: 50, schemas, levels });
  run.send({ user: "flood", groups, atOnce: 500, serviceMs: 100 });
  run.send({ user: "node", groups: ["system"], atOnce: 3, serviceMs: 5, startMs: 1_000 });
  run.run(15_000);
  t.equal(run.outcome("node").longestWaitMs, 0);
  t.equal(run.outcome("node").refused, 0);
});

t.test("what waits too long is refused", async (t) => {
  const run = new Simulation({ seatsTotal: 2, ...oneLevel, waitLimitMs: 500 });
  run.send({ user: "flood", groups, atOnce: 100, serviceMs: 100 });
  run.run(5_000);
  t.ok(run.outcome("flood").longestWaitMs <= 500);
  t.ok(run.outcome("flood").refused > 100);
});

t.test(`random senders and rules keep the invariants (SEED=${seed})`, async (t) => {
  const rng = seededRng(seed);
  for (let round = 0; round < 20; round++) {
    const levels = (): ReturnType<typeof level>[] =>
      ["a", "b", "c"].slice(0, 1 + rng.int(3)).map((name) =>
        level(name, {
          nominalShares: rng.int(40),
          lendablePercent: rng.int(101),
          borrowingLimitPercent: rng.int(3) === 0 ? undefined : rng.int(300),
          queuing:
            rng.int(4) === 0 ? undefined : { queues: 1 + rng.int(20), handSize: 1, queueLengthMax: 1 + rng.int(60) },
        }),
      );
    const schemas = ["a", "b", "c"].map((name) => schema(name, name));
    const run = new Simulation({ seatsTotal: 1 + rng.int(60), schemas, levels: levels(), waitLimitMs: 200 });
    for (let i = 0; i < 6; i++) {
      const work =
        rng.int(2) === 0
          ? writeWork(rng.int(200), 10)
          : listWork({ stored: rng.int(1500), limit: 0, hasSelectors: true }, 10);
      const group = ["a", "b", "c", "exempt", "none"][rng.int(5)] as string;
      run.send({ user: `u${i}`, groups: [group], atOnce: 1 + rng.int(30), serviceMs: () => 1 + rng.int(80), work });
    }
    for (let change = 0; change < 4; change++) {
      run.run(rng.int(1500));
      run.configure(schemas, levels());
    }
    run.run(3_000);
  }
  t.pass("checked at each step");
});
