import t from "tap";
import type { Logger } from "@triarch/telemetry";
import { silentLogger } from "@triarch/telemetry";
import { RefusalLog, refusalRepeatMs, refusalsMax } from "../src/transport/refusal-log.ts";

function refusalLog(): { log: RefusalLog; lines: object[]; pass: (ms: number) => void } {
  const lines: object[] = [];
  let nowMs = 0;
  const logger: Logger = { ...silentLogger, warn: (fields, text) => lines.push({ ...fields, text }) };
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  return { log: new RefusalLog(clock, logger), lines, pass: (ms) => (nowMs += ms) };
}

t.test("the same refusal is told once a minute, with how often it came", (t) => {
  const { log, lines, pass } = refusalLog();
  for (let n = 0; n < 100; n++) {
    log.tell("peer refused", { address: "10.0.0.9", reason: "another cluster" });
    pass(500);
  }
  t.same(lines, [{ address: "10.0.0.9", reason: "another cluster", text: "peer refused" }]);
  pass(refusalRepeatMs);
  log.tell("peer refused", { address: "10.0.0.9", reason: "another cluster" });
  t.match(lines[1], { repeats: 99 });
  log.tell("peer refused", { address: "10.0.0.10", reason: "another cluster" });
  t.equal(lines.length, 3, "another one is told at once");
  t.end();
});

t.test("memory is bounded", (t) => {
  const { log, lines } = refusalLog();
  const tell = (n: number): void => log.tell("peer refused", { address: String(n) });
  for (let n = 0; n <= refusalsMax; n++) tell(n);
  t.equal(lines.length, refusalsMax + 1);
  tell(refusalsMax);
  t.equal(lines.length, refusalsMax + 1, "the newest are remembered");
  tell(0);
  t.equal(lines.length, refusalsMax + 2, "the oldest was forgotten");
  t.end();
});
