/**
 * What must never be found, by the name of the check that finds it:
 *
 * acknowledgedWriteLost  a write that a client was told of is not in the history, or not as it was written
 * writtenTwice           one write appears at two revisions
 * hashesDiffer           HashKV at one revision is not the same on all members
 * memberRefused          a member does not start from what a crash left of its disk
 * memberFailed           a member ended by itself, or broke over a request
 * noProgress             members that run found no leader, did not catch up, or took no writes
 */
export type CheckerName =
  "acknowledgedWriteLost" | "writtenTwice" | "hashesDiffer" | "memberRefused" | "memberFailed" | "noProgress";

export class Violation extends Error {
  override readonly name = "Violation";
  readonly checker: CheckerName;

  constructor(checker: CheckerName, text: string) {
    super(`${checker}: ${text}`);
    this.checker = checker;
  }
}
