// Texts that many tables share: ages, labels, lists that are cut short.
import type { Container, LabelSelector } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { objectAt, textAt } from "../meta/mutable.ts";
import { parseTime } from "../meta/time.ts";
import { labelSelectorMatcher, type Labels } from "../selectors/label-selector.ts";

const secondMs = 1000;
const listedMax = 3;

/** A duration for people, two units at most and less exact the longer it is: `47s`, `5m30s`, `3h`, `12d`, `2y83d`. */
export function ageText(ms: number): string {
  const seconds = Math.trunc(ms / secondMs);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return days < 2920 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** Time since `time`, or `<unknown>` where there is none. */
export function sinceText(time: string | undefined, nowMs: number): string {
  const then = time === undefined ? undefined : parseTime(time);
  return then === undefined ? "<unknown>" : ageText(nowMs - then);
}

export function nameOf(object: JsonObject): string {
  return textAt(objectAt(object, "metadata"), "name");
}

export function ageOf(object: JsonObject, nowMs: number): string {
  return sinceText(textAt(objectAt(object, "metadata"), "creationTimestamp"), nowMs);
}

export function orNone(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}

export function labelsText(labels: Labels | undefined): string {
  const pairs = Object.entries(labels ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  return orNone(pairs.map(([key, value]) => `${key}=${value}`).join(","));
}

export function selectorText(selector: LabelSelector | undefined): string {
  return orNone(labelSelectorMatcher(selector).toString());
}

export function containersText(containers: readonly Container[] | undefined): string {
  return (containers ?? []).map(({ name }) => name).join(",");
}

export function imagesText(containers: readonly Container[] | undefined): string {
  return (containers ?? []).map(({ image }) => image ?? "").join(",");
}

/** The first three and how many more: `a,b,c + 2 more...`. */
export function listText(items: readonly string[], whenEmpty: string): string {
  if (items.length === 0) return whenEmpty;
  const shown = items.slice(0, listedMax).join(",");
  return items.length > listedMax ? `${shown} + ${items.length - listedMax} more...` : shown;
}
