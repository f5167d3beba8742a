// Times as Kubernetes writes them: `Time` has seconds, `MicroTime` microseconds, both UTC. Milliseconds since the Unix
// epoch go in and out; the calendar is computed here because core code has no `Date`.

const msPerSecond = 1000;
const msPerDay = 86_400_000;
const timePattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** `2026-01-02T03:04:05Z`; fractions of a second are cut off. */
export function timeText(ms: number): string {
  return `${secondsText(Math.floor(ms / msPerSecond))}Z`;
}

/** `2026-01-02T03:04:05.000006Z` */
export function microTimeText(ms: number): string {
  const second = Math.floor(ms / msPerSecond);
  const micros = Math.min(999_999, Math.round((ms - second * msPerSecond) * 1000));
  return `${secondsText(second)}.${String(micros).padStart(6, "0")}Z`;
}

/** Milliseconds of an RFC 3339 time, or `undefined` where the text is none. */
export function parseTime(text: string): number | undefined {
  const parts = timePattern.exec(text);
  if (parts === null) return undefined;
  const part = (index: number): number => Number(parts[index]);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const fractionMs = parts[7] === undefined ? 0 : Number(`0.${parts[7]}`) * msPerSecond;
  const offsetMinutes = parts[8] === undefined ? 0 : (part(9) * 60 + part(10)) * (parts[8] === "-" ? -1 : 1);
  const days = daysFromEpoch(year, month, day);
  return days * msPerDay + ((hour * 60 + minute - offsetMinutes) * 60 + second) * msPerSecond + fractionMs;
}

function secondsText(epochSecond: number): string {
  const days = Math.floor(epochSecond / 86_400);
  const rest = epochSecond - days * 86_400;
  const { year, month, day } = dateOf(days);
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = `${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${clock}`;
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so the leap day comes last. */
function daysFromEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function dateOf(daysSinceEpoch: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = daysSinceEpoch + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
