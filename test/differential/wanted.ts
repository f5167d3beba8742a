// What a full run must reach. Error texts are all of etcd's rpctypes/error.go, without their prefix "etcdserver: ".

const range = ["one key", "all from a key", "everything", "a range", "nothing"];
const sortTargets = ["key", "version", "create", "mod", "value"];
const compareTargets = ["version", "create", "mod", "value", "lease"];
const rangeFields = ["limit", "revision", "sortOrder", "sortTarget", "serializable", "keysOnly", "countOnly"];
const rangeFilters = ["minModRevision", "maxModRevision", "minCreateRevision", "maxCreateRevision"];
const putFields = ["key", "value", "lease", "prevKv", "ignoreValue", "ignoreLease"];
const watchFields = ["startRevision", "progressNotify", "filters", "prevKv", "watchId", "fragment"];

export const wantedOptions: readonly string[] = [
  ...[...rangeFields, ...rangeFilters].map((field) => `range.${field}`),
  ...range.flatMap((kind) => [`range of ${kind}`, `deleteRange of ${kind}`, `watch of ${kind}`]),
  ...sortTargets.flatMap((target) =>
    ["none", "ascending", "descending"].map((order) => `range sorted by ${target} ${order}`),
  ),
  ...putFields.map((field) => `put.${field}`),
  "deleteRange.prevKv",
  ...compareTargets.flatMap((target) =>
    ["equal", "greater", "less", "not equal"].map((result) => `compare ${target} ${result}`),
  ),
  "compare of a range",
  ...["txn succeeds", "txn fails", "txn at depth 0", "txn at depth 1", "txn at depth 2"],
  ...["requestRange", "requestPut", "requestDeleteRange", "requestTxn", "nothing"].map((field) => `operation ${field}`),
  ...["compact.revision", "compact.physical", "hashKv", "hashKv.revision"],
  ...["leaseGrant", "leaseGrant.id", "leaseGrant.ttl", "leaseRevoke", "leaseTimeToLive", "leaseTimeToLive.keys"],
  ...["leaseLeases", "renew known", "renew unknown"],
  ...watchFields.map((field) => `watch.${field}`),
  ...["watch without puts", "watch without deletes", "watch without puts and deletes"],
  ...["watcher created", "watcher refused", "watcher cancelled", "watcher cancelled by compaction"],
  ...["event put", "event put with the previous value", "event delete", "event delete with the previous value"],
  ...["cancel open", "cancel unknown", "progress"],
];

export const wantedErrors: readonly string[] = [
  ...["key is not provided", "key not found", "value is provided", "lease is provided"],
  ...["too many operations in txn request", "duplicate key given in txn request", "request is too large"],
  ...["invalid client api version", "invalid sort option", "requested lease not found", "lease already exists"],
  ...[
    "too large lease TTL",
    "mvcc: required revision has been compacted",
    "mvcc: required revision is a future revision",
  ],
  ...["mvcc: database space exceeded", "corrupt cluster", "too many requests"],
  ...["mvcc: duplicate watch ID provided on the WatchStream", "mvcc: watcher range is empty"],
  ...["given member URLs are invalid", "member not found", "member ID already exist", "Peer URLs already exists"],
  ...[
    "re-configuration failed due to not enough started members",
    "unhealthy cluster",
    "too many learner members in cluster",
  ],
  ...["can only promote a learner member", "can only promote a learner member which is in sync with leader"],
  ...["rpc not supported for learner", "cluster ID mismatch"],
  ...[
    "root user does not exist",
    "root user does not have root role",
    "user name already exists",
    "user name is empty",
  ],
  ...["user name not found", "role name already exists", "role name not found", "role name is empty"],
  ...["role is not granted to the user", "permission is not granted to the role", "permission not given"],
  ...["authentication failed, invalid user ID or password", "authentication is not enabled", "permission denied"],
  ...["invalid auth token", "invalid auth management", "revision of auth store is old"],
  ...["no leader", "leader changed", "not leader", "not capable", "bad leader transferee", "server stopped"],
  ...["request timed out", "request timed out, possibly due to previous leader failure"],
  ...["request timed out, possibly due to connection lost"],
  ...["request timed out, waiting for the applied index took too long"],
  ...["wrong downgrade target version format", "invalid downgrade target version"],
  ...["cluster version not found during downgrade", "cluster has a downgrade job in progress"],
  ...["no inflight downgrade job"],
];

export interface Unreachable {
  readonly text: string;
  readonly reason: string;
}

/** One etcd member that nothing happens to is the oracle: what needs more of it cannot be compared. */
const oneHealthyMember = "the oracle is one healthy member: nothing is lost, late or far behind";
const needsLearner = "the oracle has one member; learners are tested with our own members and etcdctl";
const noDowngrade = "3.4 has no Downgrade";

function because(reason: string, ...texts: readonly string[]): readonly Unreachable[] {
  return texts.map((text) => ({ text, reason }));
}

export const unreachableErrors: readonly Unreachable[] = [
  ...because("3.4 does not look, or ends with a panic; ours is tested in libs/mvcc", "invalid sort option"),
  ...because("3.4 does not look at the client's version", "invalid client api version"),
  ...because("raised only when members differ; it takes a member out of service here", "corrupt cluster"),
  ...because("needs 5,000 entries that are committed and not applied", "too many requests"),
  ...because(oneHealthyMember, "no leader", "leader changed", "unhealthy cluster", "server stopped"),
  ...because(oneHealthyMember, "request timed out", "request timed out, possibly due to previous leader failure"),
  ...because(oneHealthyMember, "request timed out, possibly due to connection lost"),
  ...because(oneHealthyMember, "request timed out, waiting for the applied index took too long"),
  ...because("one member is its own leader; tested in libs/etcd-grpc", "not leader", "bad leader transferee"),
  ...because("3.4 ends with a panic when a grant has no permission in it", "permission not given"),
  ...because("a race that the server itself repeats", "revision of auth store is old"),
  ...because("needs a member of an older version", "not capable"),
  ...because("between peers only", "cluster ID mismatch", "member ID already exist"),
  ...because(needsLearner, "can only promote a learner member", "rpc not supported for learner"),
  ...because(needsLearner, "can only promote a learner member which is in sync with leader"),
  ...because(needsLearner, "too many learner members in cluster", "Peer URLs already exists"),
  ...because(needsLearner, "re-configuration failed due to not enough started members"),
  ...because(noDowngrade, "wrong downgrade target version format", "invalid downgrade target version"),
  ...because(noDowngrade, "cluster version not found during downgrade", "cluster has a downgrade job in progress"),
  ...because(noDowngrade, "no inflight downgrade job"),
];
