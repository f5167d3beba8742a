// Seats of levels and of requests, hands of queues, what refused clients are told: the arithmetic.
import t from "tap";
import { seededRng } from "@triarch/base";
import {
  allocateSeats,
  type Claim,
  dealHand,
  flowHash,
  listWork,
  nominalLimits,
  requestSeatsMaxOf,
  RetryAfter,
  SeatDemand,
  widthOf,
  writeWork,
} from "@triarch/flow-control";
import { level } from "./simulation.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1e9);
t.comment(`SEED=${seed}`);

t.test("seats by shares, rounded up; what may be lent and borrowed", async (t) => {
  // The suggested levels of Kubernetes with its 600 seats.
  const shares = { system: 30, "node-high": 40, "leader-election": 10, "workload-high": 40, "workload-low": 100 };
  const nominal = Object.entries(shares).map(([name, nominalShares]) => {
    return nominalLimits(level(name, { nominalShares }), 600, 245).nominal;
  });
  t.same(nominal, [74, 98, 25, 98, 245]);
  const lending = level("l", { nominalShares: 40, lendablePercent: 25, borrowingLimitPercent: 50 });
  t.same(nominalLimits(lending, 600, 245), { nominal: 98, lower: 73, upper: 147 });
  t.same(nominalLimits(level("l", { nominalShares: 0 }), 600, 0), { nominal: 0, lower: 0, upper: 600 });
});

t.test("an allocation: examples", async (t) => {
  const seats = (total: number, claims: readonly Claim[]): readonly number[] =>
    allocateSeats(total, claims).seats.map((one) => Math.round(one * 1000) / 1000);
  t.same(
    seats(10, [
      { target: 1, lower: 0, upper: 100 },
      { target: 4, lower: 0, upper: 100 },
    ]),
    [2, 8],
  );
  t.same(
    seats(10, [
      { target: 1, lower: 0, upper: 100 },
      { target: 4, lower: 0, upper: 5 },
    ]),
    [5, 5],
  );
  t.same(
    seats(10, [
      { target: 8, lower: 8, upper: 100 },
      { target: 8, lower: 0, upper: 100 },
    ]),
    [8, 2],
  );
  t.same(
    seats(10, [
      { target: 8, lower: 8, upper: 9 },
      { target: 8, lower: 7, upper: 9 },
    ]),
    [8, 7],
    "too little",
  );
  t.same(
    seats(100, [
      { target: 8, lower: 8, upper: 9 },
      { target: 8, lower: 7, upper: 9 },
    ]),
    [9, 9],
    "too much",
  );
  t.same(
    seats(10, [
      { target: 0, lower: 0, upper: 100 },
      { target: 0, lower: 0, upper: 100 },
    ]),
    [5, 5],
  );
});

t.test(`an allocation is within bounds, sums up, and is fair (SEED=${seed})`, async (t) => {
  const rng = seededRng(seed);
  for (let round = 0; round < 500; round++) {
    const claims = Array.from({ length: 1 + rng.int(8) }, (): Claim => {
      const lower = rng.int(50);
      return { lower, target: lower + rng.int(3) * rng.int(60), upper: lower + rng.int(200) };
    });
    const total = rng.int(600);
    const { seats, fairFraction } = allocateSeats(total, claims);
    const sum = seats.reduce((all, one) => all + one, 0);
    const least = claims.reduce((all, { lower }) => all + lower, 0);
    const most = claims.reduce((all, { upper }) => all + upper, 0);
    const wanted = Math.min(Math.max(total, least), most);
    if (Math.abs(sum - wanted) > 1e-6)
      t.fail(`round ${round}: ${sum} instead of ${wanted} for ${JSON.stringify(claims)}`);
    seats.forEach((one, i) => {
      const { lower, upper, target } = claims[i] as Claim;
      const fair = fairFraction * Math.max(target, 0.001);
      const isFair = Math.abs(one - Math.min(Math.max(fair, lower), upper)) < 1e-6;
      if (!isFair || one < lower || one > upper)
        t.fail(`round ${round}: claim ${i} has ${one} of ${JSON.stringify(claims)}`);
    });
  }
  t.pass();
});

t.test("demand: average, deviation and high watermark of a period, smoothed over periods", async (t) => {
  const demand = new SeatDemand(0);
  demand.set(10, 0);
  demand.set(0, 5_000);
  t.match(demand.sample(10_000), { highWatermark: 10, average: 5, deviation: 5, smoothed: 10 });
  const idle = demand.sample(20_000);
  t.match(idle, { highWatermark: 0, average: 0, deviation: 0 });
  t.ok(Math.abs(idle.smoothed - 9.77) < 1e-9);
  for (let i = 0; i < 29; i++) demand.sample(30_000 + i * 10_000);
  t.ok(Math.abs(demand.last.smoothed - 5) < 0.1, "half of it after five minutes");
  demand.set(40, 400_000);
  t.equal(demand.sample(410_000).smoothed, demand.last.average + demand.last.deviation, "rises at once");
});

t.test("what lists and writes cost", async (t) => {
  const seats = (stored: number, limit: number, hasSelectors: boolean, most = 10): number =>
    listWork({ stored, limit, hasSelectors }, most).seats;
  t.equal(seats(0, 0, false), 1);
  t.equal(seats(100, 0, false), 1);
  t.equal(seats(101, 0, false), 2);
  t.equal(seats(5_000, 0, false), 10, "ten at most");
  t.equal(seats(5_000, 500, false), 5, "a page");
  t.equal(seats(900, 500, true), 9, "a page of what matches goes through all");
  t.equal(seats(5_000, 0, false, 3), 3, "no more than the level gives");
  t.same(writeWork(9, 10), { seats: 1, finalSeats: 0, lingerMs: 0 });
  t.same(writeWork(10, 10), { seats: 1, finalSeats: 1, lingerMs: 5 });
  t.same(writeWork(200, 10), { seats: 1, finalSeats: 10, lingerMs: 10 }, "the same work, narrower and longer");
  t.equal(widthOf(writeWork(45, 10)), 5);
  t.equal(requestSeatsMaxOf(245, 6), 10);
  t.equal(requestSeatsMaxOf(24, 6), 4);
  t.equal(requestSeatsMaxOf(3, 6), 1);
  t.equal(requestSeatsMaxOf(3, undefined), 10);
});

t.test("hands: different queues, all of them, and seldom the same hand", async (t) => {
  for (const [queues, handSize] of [
    [1, 1],
    [8, 8],
    [128, 6],
    [10_000_000, 2],
  ] as const) {
    const hand = dealHand(flowHash("s", "u", 1), queues, handSize);
    t.equal(new Set(hand).size, handSize);
    t.ok(hand.every((card) => card >= 0 && card < queues));
  }
  const uses = Array.from({ length: 16 }, () => 0);
  const hands = new Set<string>();
  let crowded = 0;
  const elephant = new Set(dealHand(flowHash("schema", "elephant", 7), 128, 6));
  for (let i = 0; i < 4_000; i++) {
    for (const card of dealHand(flowHash("schema", `user-${i}`, 7), 16, 4)) uses[card] = (uses[card] ?? 0) + 1;
    const hand = dealHand(flowHash("schema", `user-${i}`, 7), 128, 6);
    hands.add([...hand].sort().join());
    if (hand.every((card) => elephant.has(card))) crowded += 1;
  }
  t.ok(Math.max(...uses) < 1.15 * Math.min(...uses), `even: ${uses.join(" ")}`);
  t.ok(hands.size > 3_990, `${hands.size} different hands of 4000`);
  t.equal(crowded, 0, "an elephant does not fill all queues of anybody");
  t.notSame(flowHash("s", "u", 1), flowHash("s", "u", 2), "the seed matters");
});

t.test("the more are refused, the longer clients are told to wait", async (t) => {
  const retry = new RetryAfter();
  const seconds: number[] = [];
  for (let second = 1; second <= 60; second++) {
    for (let i = 0; i < 10; i++) retry.refused(second * 1000);
    seconds.push(retry.seconds);
  }
  t.equal(seconds[0], 1);
  t.equal(Math.max(...seconds), 32);
  t.same([...new Set(seconds)], [1, 2, 4, 8, 16, 32]);
  retry.refused(300_000);
  t.equal(retry.seconds, 1, "all is forgotten after a while of peace");
});
