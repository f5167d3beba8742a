// Cron schedules as Kubernetes reads them: five fields, names of months and weekdays, ranges, steps, and a few words
// like `@daily`. Only what a schedule says is read here; when it is next due is for who knows the clock.
import { isTimeZone } from "./time-zone.ts";

export interface CronFields {
  readonly kind: "fields";
  readonly minutes: CronField;
  readonly hours: CronField;
  readonly daysOfMonth: CronField;
  readonly months: CronField;
  readonly daysOfWeek: CronField;
}

export interface CronField {
  /** In ascending order. */
  readonly values: readonly number[];
  /** `*`: where one of the two day fields says so, only the other one counts. */
  readonly any: boolean;
}

export type CronSchedule = (CronFields | { readonly kind: "every"; readonly seconds: number }) & {
  /** From a prefix `TZ=` or `CRON_TZ=`. */
  readonly timeZone?: string;
};

/** Text that is no schedule; `message` says what is wrong, in the words that Kubernetes passes on. */
export class CronError extends Error {
  override readonly name = "CronError";
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Names of the values, the first of `min`. */
  readonly names?: readonly string[];
}

const minutes: Bounds = { min: 0, max: 59 };
const hours: Bounds = { min: 0, max: 23 };
const daysOfMonth: Bounds = { min: 1, max: 31 };
const months: Bounds = { min: 1, max: 12, names: "jan feb mar apr may jun jul aug sep oct nov dec".split(" ") };
const daysOfWeek: Bounds = { min: 0, max: 6, names: "sun mon tue wed thu fri sat".split(" ") };

const words: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** @throws CronError */
export function parseCronSchedule(text: string): CronSchedule {
  if (text === "") throw new CronError("empty spec string");
  const [, timeZone, rest = text] = /^(?:CRON_)?TZ=(\S*)\s*(.*)$/s.exec(text) ?? [];
  const schedule = rest.startsWith("@") ? parseWord(rest) : parseFields(rest);
  if (timeZone === undefined) return schedule;
  if (!["", "Local"].includes(timeZone) && !isTimeZone(timeZone)) {
    throw new CronError(`provided bad location ${timeZone}: unknown time zone ${timeZone}`);
  }
  return { ...schedule, timeZone };
}

function parseWord(text: string): CronSchedule {
  const fields = Object.hasOwn(words, text) ? words[text] : undefined;
  if (fields !== undefined) return parseFields(fields);
  const every = "@every ";
  if (!text.startsWith(every)) throw new CronError(`unrecognized descriptor: ${text}`);
  const seconds = durationSeconds(text.slice(every.length));
  if (seconds === undefined) throw new CronError(`failed to parse duration ${text}: time: invalid duration`);
  return { kind: "every", seconds: Math.max(1, Math.floor(seconds)) };
}

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  "\u00b5s": 1e-6,
  "\u03bcs": 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Go's durations: `1h30m`, `1.5s`. */
function durationSeconds(text: string): number | undefined {
  if (text === "0") return 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/gy;
  const sign = /^[+-]/.exec(text)?.[0] ?? "";
  part.lastIndex = sign.length;
  let seconds = 0;
  let end = sign.length;
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    seconds += Number(found[1]) * (unitSeconds[found[2] ?? ""] ?? 0);
    end = part.lastIndex;
  }
  if (end !== text.length || end === sign.length) return undefined;
  return sign === "-" ? -seconds : seconds;
}

function parseFields(text: string): CronFields {
  const fields = text.split(/\s+/).filter((field) => field !== "");
  if (fields.length !== 5)
    throw new CronError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = fields;
  return {
    kind: "fields",
    minutes: parseField(minute, minutes),
    hours: parseField(hour, hours),
    daysOfMonth: parseField(day, daysOfMonth),
    months: parseField(month, months),
    daysOfWeek: parseField(weekday, daysOfWeek),
  };
}

function parseField(text: string, bounds: Bounds): CronField {
  const values = new Set<number>();
  let any = false;
  for (const range of text.split(",").filter((part) => part !== "")) {
    const { first, last, step, star } = parseRange(range, bounds);
    for (let value = first; value <= last; value += step) values.add(value);
    any ||= star;
  }
  return { values: [...values].sort((left, right) => left - right), any };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly star: boolean;
}

/** `*`, `5`, `1-5`, each with a step behind a slash; `5/10` goes on to the largest value. */
function parseRange(text: string, bounds: Bounds): Range {
  const [span = "", stepText, ...moreSteps] = text.split("/");
  const [low = "", high, ...more] = span.split("-");
  const star = low === "*" || low === "?";
  const first = star ? bounds.min : valueOf(low, bounds);
  let last = star ? bounds.max : high === undefined ? first : valueOf(high, bounds);
  if (!star && more.length > 0) throw new CronError(`too many hyphens: ${text}`);
  if (moreSteps.length > 0) throw new CronError(`too many slashes: ${text}`);
  const step = stepText === undefined ? 1 : numberOf(stepText);
  if (stepText !== undefined && high === undefined) last = bounds.max;
  if (first < bounds.min) {
    throw new CronError(`beginning of range (${first}) below minimum (${bounds.min}): ${text}`);
  }
  if (last > bounds.max) throw new CronError(`end of range (${last}) above maximum (${bounds.max}): ${text}`);
  if (first > last) throw new CronError(`beginning of range (${first}) beyond end of range (${last}): ${text}`);
  if (step === 0) throw new CronError(`step of range should be a positive number: ${text}`);
  return { first, last, step, star: star && step === 1 };
}

function valueOf(text: string, { min, names = [] }: Bounds): number {
  const index = names.indexOf(text.toLowerCase());
  return index < 0 ? numberOf(text) : min + index;
}

function numberOf(text: string): number {
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw new CronError(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  const value = Number(text);
  if (value < 0) throw new CronError(`negative number (${value}) not allowed: ${text}`);
  return value;
}
