// The list of differences that are known, `allowed-differences.json`: by reason the exchanges and in what they differ. The
// test fails on a difference that is not listed and on a listed one that is gone. `node test/recorded/main.ts --write`
// writes the list anew: meant differences get the reason that is written here, others that of their group.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import type { DifferenceKind } from "./compare.ts";

/** One exchange that differs, as the list names it: `group | step | kind`. */
export type DifferenceName = string;

export interface FoundDifference {
  readonly group: string;
  readonly step: string;
  readonly kind: DifferenceKind;
  readonly detail: string;
}

interface Reason {
  readonly reason: string;
  readonly covers: (difference: FoundDifference) => boolean;
}

const listFile = join(import.meta.dirname, "allowed-differences.json");

/** Where the recorded server plainly errs, ours does better. */
const betterAnswers: ReadonlySet<string> = new Set([
  "flow/resource-version-rules | watch=1&resourceVersion=x",
  "flow/strategic-merge-deployment | bad-directive",
  "flow/strategic-merge-deployment | missing-merge-key",
]);

const inGroup =
  (...prefixes: readonly string[]) =>
  ({ group }: FoundDifference): boolean =>
    prefixes.some((prefix) => group.startsWith(prefix));

/** The first that covers a difference is its reason. */
const reasons: readonly Reason[] = [
  {
    reason: "a client's mistake that Kubernetes answers with 500 and we with 400",
    covers: (difference) => betterAnswers.has(exchangeName(difference)),
  },
  { reason: "waiting: custom resources and CEL", covers: inGroup("flow/custom-resources") },
  {
    reason: "waiting: LimitRange and ResourceQuota admission",
    covers: inGroup("flow/limits-and-quota", "life/limitrange", "life/resourcequota"),
  },
  { reason: "to do: text of the message alone", covers: ({ kind }) => kind === "message" },
  { reason: "to do: discovery", covers: inGroup("discovery") },
  { reason: "to do: life of objects", covers: inGroup("life/") },
  { reason: "to do: flows", covers: inGroup("flow/") },
  { reason: "to do: creates that are refused or accepted", covers: inGroup("invalid-create/") },
  { reason: "to do: updates that are refused or accepted", covers: inGroup("invalid-update/") },
];

export function differenceName(difference: FoundDifference): DifferenceName {
  return `${exchangeName(difference)} | ${difference.kind}`;
}

function exchangeName({ group, step }: FoundDifference): string {
  return `${group} | ${step}`;
}

function reasonOf(difference: FoundDifference): string {
  return reasons.find(({ covers }) => covers(difference))?.reason ?? "to do";
}

/** By reason, in the order of the reasons. */
type AllowedList = Readonly<Record<string, readonly DifferenceName[]>>;

export interface Judgement {
  /** Differences that nobody listed, with their details. */
  readonly unexpected: readonly string[];
  /** Listed, and no longer so. */
  readonly gone: readonly DifferenceName[];
  readonly countByReason: ReadonlyMap<string, number>;
}

/** @param groupPrefix of the groups that were replayed; others are not missed */
export function judgeAll(differences: readonly FoundDifference[], groupPrefix: string): Judgement {
  const listed = readAllowed();
  const allowed = new Map(Object.entries(listed).flatMap(([reason, names]) => names.map((name) => [name, reason])));
  const found = new Set(differences.map(differenceName));
  const countByReason = new Map<string, number>();
  for (const name of found) {
    const reason = allowed.get(name);
    if (reason !== undefined) countByReason.set(reason, (countByReason.get(reason) ?? 0) + 1);
  }
  return {
    unexpected: differences
      .filter((difference) => !allowed.has(differenceName(difference)))
      .map((difference) => `${differenceName(difference)}: ${difference.detail}`),
    gone: [...allowed.keys()].filter((name) => name.startsWith(groupPrefix) && !found.has(name)),
    countByReason,
  };
}

function readAllowed(): AllowedList {
  return JSON.parse(readFileSync(listFile, "utf8")) as AllowedList;
}

/** Writes the list of a replay of all groups. */
export async function writeAllowed(differences: readonly FoundDifference[]): Promise<void> {
  const list: Record<string, DifferenceName[]> = {};
  for (const { reason } of reasons) list[reason] = [];
  for (const difference of differences) (list[reasonOf(difference)] ??= []).push(differenceName(difference));
  for (const [reason, names] of Object.entries(list)) if (names.length === 0) Reflect.deleteProperty(list, reason);
  writeFileSync(listFile, await format(JSON.stringify(list), { parser: "json", printWidth: 120 }));
}
