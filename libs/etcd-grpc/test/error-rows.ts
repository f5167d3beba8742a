import { utf8 } from "@triarch/base";
import { DowngradeAction, type TxnRequestInit } from "@triarch/etcd-proto";
import { EtcdServerError, type EtcdServerFailure } from "@triarch/etcd-server";
import type { AuthClient, Outcome } from "./auth-client.ts";
import { one } from "./auth-setup.ts";

/** How a server comes to answer with an error. */
export type Provocation = {
  /** Which server is asked. `peer`: real etcd of a later line is asked as well; `own`: it answers otherwise. */
  readonly on: "peer" | "own" | "secured" | "followers" | "lonely" | "learner" | "stopped" | "planted";
  readonly ask: (client: AuthClient) => Promise<Outcome>;
};

/** code, text, and how it is reached; or why it can't be. */
export type Row = readonly [number, string, Provocation | { readonly unreachable: string }];

const peer = (ask: Provocation["ask"]): Provocation => ({ on: "peer", ask });
const secured = (ask: Provocation["ask"]): Provocation => ({ on: "secured", ask });
const onlyPeers = { unreachable: "between members only, over our own protocol" };
const noDowngrade = { unreachable: "no downgrade can begin: there is no older version of this store" };

/** The failures that take a race or a broken network: thrown where the store would, in its words. */
const plantedFailures: Readonly<Record<string, EtcdServerFailure>> = {
  leaderChanged: { code: "leaderChanged" },
  timeout: { code: "timeout", cause: "none" },
  leaderFailure: { code: "timeout", cause: "leaderFailure" },
  appliedIndex: { code: "timeout", cause: "appliedIndex" },
  unreachable: { code: "unreachable" },
  memberExists: { code: "memberExists" },
};
const planted = (name: keyof typeof plantedFailures): Provocation => {
  return { on: "planted", ask: (client) => client.call("put", { key: utf8(name) }) };
};
export function plantedError(name: string): EtcdServerError | undefined {
  const failure = plantedFailures[name];
  return failure === undefined ? undefined : new EtcdServerError(failure);
}

const a = utf8("a");
const ofTxn = (request: TxnRequestInit) => peer((client) => client.call("txn", request));
const putA = { requestPut: { key: a } };
const bent = Buffer.from([0xff, 0xfe]).toString("latin1");
const grantR = { permType: 0, key: utf8("none") };

/** etcd's table of errors, whole. Each text goes with "etcdserver: " before it. */
export const rows: readonly Row[] = [
  [3, "key is not provided", peer((client) => client.call("range", {}))],
  [3, "key not found", ofTxn({ success: [{}] })],
  [3, "value is provided", peer((client) => client.call("put", { key: a, value: a, ignoreValue: true }))],
  [3, "lease is provided", peer((client) => client.call("put", { key: a, lease: 7n, ignoreLease: true }))],
  [3, "too many operations in txn request", ofTxn({ success: Array(129).fill({ requestRange: { key: a } }) as [] })],
  [3, "duplicate key given in txn request", ofTxn({ success: [putA, putA] })],
  [3, "invalid client api version", peer((client) => client.call("range", one("a"), { "client-api-version": bent }))],
  [3, "invalid sort option", peer((client) => client.call("range", { key: a, sortOrder: 99 }))],
  [3, "given member URLs are invalid", peer((client) => client.call("memberAdd", { peerUrls: ["nonsense"] }))],
  [3, "request is too large", peer((client) => client.call("put", { key: a, value: new Uint8Array(1_600_000) }))],
  [3, "user name is empty", peer((client) => client.call("userAdd", {}))],
  [3, "role name is empty", peer((client) => client.call("roleAdd", {}))],
  [3, "authentication failed, invalid user ID or password", secured((client) => client.login("anna", "wrong"))],
  [3, "permission not given", peer((client) => client.call("roleGrantPermission", { name: "r" }))],
  [3, "invalid auth management", secured((client) => client.callAs("root", "userDelete", { name: "root" }))],
  [3, "revision of auth store is old", secured(withOldToken)],
  [3, "wrong downgrade target version format", downgrade(DowngradeAction.validate, "x")],
  [3, "invalid downgrade target version", downgrade(DowngradeAction.validate, "2.0.0")],
  [5, "requested lease not found", peer((client) => client.call("leaseRevoke", { id: 404n }))],
  [5, "member not found", peer((client) => client.call("memberRemove", { id: 404n }))],
  [7, "permission denied", secured(withoutPermission)],
  [8, "mvcc: database space exceeded", peer(withoutSpace)],
  [2, "too many requests", { on: "secured", ask: manyLogins }],
  [9, "lease already exists", peer((client) => client.call("leaseGrant", { id: 7n, ttl: 100 }))],
  [9, "member ID already exist", planted("memberExists")],
  [9, "Peer URLs already exists", peer(ownUrlsAgain)],
  [2, "re-configuration failed due to not enough started members", peer(removeTheOnlyOne)],
  [9, "can only promote a learner member", peer(promoteVoter)],
  [9, "can only promote a learner member which is in sync with leader", peer(promoteUnstarted)],
  [9, "too many learner members in cluster", peer((client) => addLearner(client, 3))],
  [9, "cluster ID mismatch", onlyPeers],
  [9, "root user does not exist", peer((client) => client.call("enable", {}))],
  [9, "root user does not have root role", peer(rootWithoutRole)],
  [9, "user name already exists", peer((client) => client.call("userAdd", { name: "u", password: "u" }))],
  [9, "user name not found", peer((client) => client.call("userGet", { name: "none" }))],
  [9, "role name already exists", peer((client) => client.call("roleAdd", { name: "r" }))],
  [9, "role name not found", peer((client) => client.call("roleGet", { role: "none" }))],
  [9, "role is not granted to the user", peer((client) => client.call("userRevokeRole", { name: "u", role: "r" }))],
  [
    9,
    "permission is not granted to the role",
    peer((client) => client.call("roleRevokePermission", { role: "r", ...grantR })),
  ],
  [9, "authentication is not enabled", peer((client) => client.login("u", "u"))],
  [9, "not leader", { on: "followers", ask: (client) => client.call("moveLeader", { targetId: 1n }) }],
  [9, "not capable", { unreachable: "every member of this version can do all that the API has" }],
  [9, "rpc not supported for learner", { on: "learner", ask: (client) => client.call("range", one("a")) }],
  [9, "bad leader transferee", peer((client) => client.call("moveLeader", { targetId: 404n }))],
  [9, "cluster version not found during downgrade", { unreachable: "the cluster's version is never unknown" }],
  [9, "cluster has a downgrade job in progress", noDowngrade],
  // etcd 3.6 takes this one back silently.
  [9, "no inflight downgrade job", { ...downgrade(DowngradeAction.cancel, ""), on: "own" }],
  [11, "mvcc: required revision has been compacted", peer((client) => client.call("range", { key: a, revision: 1 }))],
  [
    11,
    "mvcc: required revision is a future revision",
    peer((client) => client.call("range", { key: a, revision: 999 })),
  ],
  [11, "too large lease TTL", peer((client) => client.call("leaseGrant", { ttl: 9_000_000_001 }))],
  [14, "unhealthy cluster", { on: "followers", ask: addVoterWhileOneIsDown }],
  [14, "no leader", { on: "lonely", ask: (client) => client.callOnce("range", one("a"), { hasleader: "true" }) }],
  [14, "leader changed", planted("leaderChanged")],
  [14, "server stopped", { on: "stopped", ask: (client) => client.call("put", one("a")) }],
  [14, "request timed out", planted("timeout")],
  [14, "request timed out, possibly due to previous leader failure", planted("leaderFailure")],
  [14, "request timed out, possibly due to connection lost", planted("unreachable")],
  [14, "request timed out, waiting for the applied index took too long", planted("appliedIndex")],
  [15, "corrupt cluster", peer(withCorruption)],
  [16, "invalid auth token", secured((client) => client.call("range", one("a"), { token: "none" }))],
  [1, "watch canceled", { unreachable: "said to a client that is gone" }],
  [1, "request canceled", { unreachable: "said to a client that is gone" }],
  [4, "context deadline exceeded", { unreachable: "gRPC's own, without the prefix: grpc-server.test.ts" }],
];

function downgrade(action: number, version: string): Provocation {
  return peer((client) => client.call("downgrade", { action, version }));
}

async function withoutPermission(client: AuthClient): Promise<Outcome> {
  await client.login("anna");
  return client.callAs("anna", "put", one("z"));
}

async function withOldToken(client: AuthClient): Promise<Outcome> {
  await client.login("anna");
  const token = client.token("anna");
  await client.callAs("root", "roleAdd", { name: "newer" });
  return client.call("put", one("x"), { token });
}

async function withoutSpace(client: AuthClient): Promise<Outcome> {
  await client.call("alarm", { action: 1, alarm: 1, memberId: await ownId(client) });
  try {
    return await client.call("put", one("a"));
  } finally {
    await client.call("alarm", { action: 2, alarm: 1, memberId: await ownId(client) });
  }
}

/** To be asked last: there is no way back. */
async function withCorruption(client: AuthClient): Promise<Outcome> {
  await client.call("alarm", { action: 1, alarm: 2, memberId: 0n });
  return client.call("put", one("a"));
}

async function manyLogins(client: AuthClient): Promise<Outcome> {
  const all = await Promise.all(
    Array.from({ length: 100 }, () => client.call("authenticate", { name: "anna", password: "x" })),
  );
  return all.find(({ code }) => code !== 3) ?? { code: 0, message: "nothing was too much", answer: undefined };
}

interface Member {
  readonly id: bigint;
  readonly isLearner: boolean;
  readonly peerUrls: readonly string[];
}

async function membersOf(client: AuthClient): Promise<readonly Member[]> {
  return ((await client.call("memberList", {})).answer as { readonly members: readonly Member[] }).members;
}

async function ownId(client: AuthClient): Promise<bigint> {
  return (await membersOf(client)).find(({ isLearner }) => !isLearner)?.id ?? 0n;
}

async function promoteVoter(client: AuthClient): Promise<Outcome> {
  return client.call("memberPromote", { id: await ownId(client) });
}

async function ownUrlsAgain(client: AuthClient): Promise<Outcome> {
  const [own] = await membersOf(client);
  return client.call("memberAdd", { peerUrls: own?.peerUrls ?? [], isLearner: true });
}

function addLearner(client: AuthClient, port: number): Promise<Outcome> {
  return client.call("memberAdd", { peerUrls: [`http://127.0.0.1:${port}`], isLearner: true });
}

/** The learner stays, for the row after it. */
async function promoteUnstarted(client: AuthClient): Promise<Outcome> {
  const { answer } = await addLearner(client, 2);
  return client.call("memberPromote", { id: (answer as { readonly member: Member }).member.id });
}

async function rootWithoutRole(client: AuthClient): Promise<Outcome> {
  await client.call("userAdd", { name: "root", password: "root-pw" });
  return client.call("enable", {});
}

function addVoterWhileOneIsDown(client: AuthClient): Promise<Outcome> {
  return client.call("memberAdd", { peerUrls: ["http://127.0.0.1:4"] });
}

async function removeTheOnlyOne(client: AuthClient): Promise<Outcome> {
  return client.call("memberRemove", { id: await ownId(client) });
}
