/** Every bound of the replicated store in one place. What happens past each is said where it is checked. */

/** Marshalled `InternalRaftRequest`; past it "request is too large". */
export const requestBytesMax = 1_572_864;
/** Applied in memory and not yet in the database; past it writes get "too many requests". */
export const unflushedBytesMax = 64 * 1024 * 1024;
/** Writes proposed here and not yet applied; past it writes get "too many requests". */
export const pendingProposalsMax = 20_000;
/** A request without an answer for this long fails with "request timed out". */
export const requestTimeoutMs = 7_000;
/** A proposal that Raft dropped before any log had it is proposed again after this, until its request times out. */
export const refusedRetryMs = 10;
/** A leader that could not be asked, or is none any more, is looked for again after this. */
export const leaderRetryMs = 20;
/** The version the etcd port reports; kube-apiserver decides by it what it may ask for. */
export const etcdVersion = "3.6.5";
export const storageVersion = "3.6.0";
/** Database size at which the NOSPACE alarm is raised; etcd's own default. */
export const quotaBytesDefault = 2 * 1024 * 1024 * 1024;
/** How often pending requests and leases are looked through. */
export const sweepIntervalMs = 500;
/** Leases revoked per sweep at most: 1,000 a second, as etcd. */
export const revokesPerSweepMax = 500;
/** Between two comparisons of the members' hashes, and more when hashing takes long. */
export const hashCheckIntervalMs = 60_000;
