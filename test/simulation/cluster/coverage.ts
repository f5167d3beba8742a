/** What a run has reached. Faults that never happen test nothing: over many seeds each must have happened. */
export const coverageNames = [
  "elections",
  "preVotesRefused",
  "leadershipTransfers",
  "partitionsSymmetric",
  "partitionsAsymmetric",
  "hangingLinks",
  "messagesLost",
  "messagesDuplicated",
  "messagesReordered",
  "kills",
  "powerCuts",
  "powerCutsOfAll",
  "crashesInsideWrites",
  "pauses",
  "gracefulStops",
  "restarts",
  "tornTailsRepaired",
  "logsDamaged",
  "walRefusals",
  "slowSyncs",
  "diskFull",
  "syncFailures",
  "membersReplaced",
  "snapshotsSent",
  "snapshotsInstalled",
  "snapshotsAborted",
  "learnersAdded",
  "promotions",
  "removals",
  "leaderRemovals",
  "jointChanges",
  "jointChangesLeftExplicitly",
  "removedPeersRefused",
  "writesAcknowledged",
  "writesUnknown",
  "writesRefused",
  "readsServed",
  "readsFailed",
] as const;
export type CoverageName = (typeof coverageNames)[number];

export class Coverage {
  readonly #counts = new Map<CoverageName, number>(coverageNames.map((name) => [name, 0]));

  add(name: CoverageName, count = 1): void {
    this.#counts.set(name, this.of(name) + count);
  }

  of(name: CoverageName): number {
    return this.#counts.get(name) ?? 0;
  }

  addAll(counts: Readonly<Record<string, number>>): void {
    for (const name of coverageNames) this.add(name, counts[name] ?? 0);
  }

  toJSON(): Record<CoverageName, number> {
    return Object.fromEntries(this.#counts) as Record<CoverageName, number>;
  }

  get missing(): readonly CoverageName[] {
    return coverageNames.filter((name) => this.of(name) === 0);
  }
}
