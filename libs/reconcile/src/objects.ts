// Small facts about objects that several plans share.
import type { ObjectMeta, OwnerReference, Pod } from "@triarch/api";

export interface Owned {
  readonly metadata?: ObjectMeta;
}

export function controllerOf(object: Owned): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((one) => one.controller === true);
}

export function isBeingDeleted(object: Owned): boolean {
  return object.metadata?.deletionTimestamp !== undefined;
}

/** Counts for its controller: neither ended nor on its way out. */
export function isActive(pod: Pod): boolean {
  return pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed" && !isBeingDeleted(pod);
}

export function isTerminating(pod: Pod): boolean {
  return isBeingDeleted(pod) && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}

export function readySinceMs(pod: Pod): number | undefined {
  const ready = pod.status?.conditions?.find((one) => one.type === "Ready");
  return ready?.status === "True" ? timeMs(ready.lastTransitionTime) : undefined;
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  if (!isReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = readySinceMs(pod);
  return since !== undefined && since + minReadySeconds * 1_000 <= nowMs;
}

/** RFC 3339 to milliseconds; 0 where there is none. */
export function timeMs(text: string | undefined): number {
  if (text === undefined) return 0;
  const match = /^(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?Z$/.exec(text);
  if (match === null) return 0;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  return (
    daysFromCivil(year, month, day) * 86_400_000 +
    ((hour * 60 + minute) * 60 + second) * 1_000 +
    Math.trunc(Number(match[7] ?? 0) * 1_000)
  );
}

/** Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** JSON with sorted keys and without empty members: equal values have equal text. */
export function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value)
      .filter(([, member]) => member !== undefined && member !== null)
      .sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${stableJson(member)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

const hashAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A short name-safe hash (FNV-1a, 32 bits, in upstream's alphabet without vowels). */
export function nameHash(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return [...String(hash)].map((digit) => hashAlphabet[digit.charCodeAt(0) % hashAlphabet.length] ?? "").join("");
}
