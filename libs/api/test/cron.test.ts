// Cron schedules and names of time zones as Kubernetes reads them.
import t from "tap";
import { type CronSchedule, parseCronSchedule } from "../src/cron/cron-schedule.ts";
import { isTimeZone } from "../src/cron/time-zone.ts";

const upTo = (first: number, last: number, step = 1): number[] =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);

function shown(schedule: CronSchedule): unknown {
  if (schedule.kind === "every") return schedule.seconds;
  const { minutes, hours, daysOfMonth, months, daysOfWeek } = schedule;
  return [minutes, hours, daysOfMonth, months, daysOfWeek].map(({ values, any }) => (any ? "*" : values));
}

t.test("schedules", (t) => {
  for (const [text, wanted] of [
    ["* * * * *", ["*", "*", "*", "*", "*"]],
    ["0 0 ? * ?", [[0], [0], "*", "*", "*"]],
    ["*/15 3 1,15 * 1-5", [upTo(0, 59, 15), [3], [1, 15], "*", upTo(1, 5)]],
    ["5/20 0-23/6 31 12 0", [[5, 25, 45], [0, 6, 12, 18], [31], [12], [0]]],
    ["59 23 1 JAN,jul-Sep SUN", [[59], [23], [1], [1, 7, 8, 9], [0]]],
    ["3,1,2,2 * * * *", [[1, 2, 3], "*", "*", "*", "*"]],
    ["  1   2\t3 4 5 ", [[1], [2], [3], [4], [5]]],
    ["@yearly", [[0], [0], [1], [1], "*"]],
    ["@annually", [[0], [0], [1], [1], "*"]],
    ["@monthly", [[0], [0], [1], "*", "*"]],
    ["@weekly", [[0], [0], "*", "*", [0]]],
    ["@daily", [[0], [0], "*", "*", "*"]],
    ["@midnight", [[0], [0], "*", "*", "*"]],
    ["@hourly", [[0], "*", "*", "*", "*"]],
    ["@every 1h30m", 5400],
    ["@every 1.5s", 1],
    ["@every 100ms", 1],
    ["@every 2m.5s", 120],
    ["@every -5s", 1],
    ["@every 0", 1],
  ] as const) {
    t.strictSame(shown(parseCronSchedule(text)), wanted, text);
  }
  // A step is no longer "any": `*/2` of one day field and a value in the other must both hold.
  t.strictSame(shown(parseCronSchedule("0 0 */2 * *")), [[0], [0], upTo(1, 31, 2), "*", "*"]);
  t.equal(parseCronSchedule("CRON_TZ=Asia/Tokyo 0 5 * * *").timeZone, "Asia/Tokyo");
  t.equal(parseCronSchedule("TZ=Local @daily").timeZone, "Local");
  t.equal(parseCronSchedule("@daily").timeZone, undefined);
  t.end();
});

t.test("texts that are no schedules", (t) => {
  for (const [text, why] of [
    ["", "empty spec string"],
    ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
    ["* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"],
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* 24 * * *", "end of range (24) above maximum (23): 24"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["* * * 13 *", "end of range (13) above maximum (12): 13"],
    ["* * * * 7", "end of range (7) above maximum (6): 7"],
    ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
    ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ["* * * jan *x", 'failed to parse int from *x: strconv.Atoi: parsing "*x": invalid syntax'],
    ["@Daily", "unrecognized descriptor: @Daily"],
    ["@every 5", "failed to parse duration @every 5: time: invalid duration"],
    ["@every s", "failed to parse duration @every s: time: invalid duration"],
    ["@every 1h x", "failed to parse duration @every 1h x: time: invalid duration"],
    ["TZ=Nowhere/X * * * * *", "provided bad location Nowhere/X: unknown time zone Nowhere/X"],
    ["TZ=UTC", "expected exactly 5 fields, found 0: []"],
  ] as const) {
    t.throws(() => parseCronSchedule(text), { name: "CronError", message: why }, JSON.stringify(text));
  }
  t.end();
});

t.test("time zones", (t) => {
  for (const zone of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT", "GB-Eire"]) {
    t.ok(isTimeZone(zone), zone);
  }
  for (const zone of ["", "utc", "europe/berlin", "+01:00", "Europe", "Europe/", "Europe/Berlin ", "Nowhere/X"]) {
    t.notOk(isTimeZone(zone), JSON.stringify(zone));
  }
  t.end();
});
