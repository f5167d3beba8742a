import type { RaftNode, RaftNodeOptions } from "./types.ts";

export { RaftNodeError } from "./types.ts";
export type * from "./types.ts";

/** Signature first; the behaviour follows in the next commits. */
export declare function startRaftNode(options: RaftNodeOptions): Promise<RaftNode>;
