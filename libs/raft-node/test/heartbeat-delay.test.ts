import t from "tap";
import { HeartbeatDelay } from "../src/node/heartbeat-delay.ts";

t.test("a heartbeat's delay is what it comes later than due; another leader starts anew", async (t) => {
  const delays: number[] = [];
  const heartbeats = new HeartbeatDelay(50, (ms) => delays.push(ms));
  heartbeats.heard(1n, 1_000);
  heartbeats.heard(1n, 1_050);
  heartbeats.heard(1n, 1_220);
  heartbeats.heard(2n, 9_000);
  heartbeats.heard(2n, 9_040);
  t.same(delays, [0, 120, 0]);
});
