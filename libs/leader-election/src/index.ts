export { runLeaderElection } from "./leader-election.ts";
export type { LeaderElectionOptions } from "./leader-election.ts";
