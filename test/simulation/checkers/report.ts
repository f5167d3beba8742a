/** Names of checkers, as in the output of the command line. */
export const checkerNames = [
  "oneLeaderPerTerm",
  "electionQuorum",
  "logMatching",
  "leaderCompleteness",
  "commitQuorum",
  "stateMachineSafety",
  "appliedOnce",
  "acknowledgedWrites",
  "linearizableReads",
  "membershipSafety",
  "durablePromises",
  "damageRefused",
  "undamagedLogOpens",
  "memberSurvives",
  "progress",
  "convergence",
  "replay",
] as const;
export type CheckerName = (typeof checkerNames)[number];

/** Called once per violation; the first ends the run. */
export type Report = (checker: CheckerName, text: string) => void;
