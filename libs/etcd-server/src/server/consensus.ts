import type { RaftNode } from "@triarch/raft-node";

/** What the server asks of Raft. */
export type Consensus = Pick<
  RaftNode,
  | "propose"
  | "proposeConfChange"
  | "readIndex"
  | "ask"
  | "transferLeadership"
  | "status"
  | "term"
  | "leader"
  | "isLeader"
  | "onLeaderChange"
  | "stop"
>;
