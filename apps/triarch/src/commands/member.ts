// Who belongs to the cluster: `triarch member list|add|promote|remove|replace` and `triarch move-leader`.
import { stringify } from "yaml";
import { clusterPaths, readClusterSpec, requireClusterSpec, type MasterSpec } from "../cluster/cluster-spec.ts";
import { CommandFailure } from "../errors.ts";
import { findMember, MemberAccess, type AccessOptions, type ClusterView, type MemberView } from "../members/access.ts";
import { addLocalMember, removeLocalMember, replaceLocalMember, type LocalCluster } from "../members/local-members.ts";
import { terminalProgress } from "../output/progress.ts";
import { renderTable } from "../output/table.ts";

export interface MemberOptions extends AccessOptions {
  readonly output?: "json";
}

export async function memberListCommand(options: MemberOptions): Promise<number> {
  print(await (await MemberAccess.open(options)).view(), options.output);
  return 0;
}

export interface MemberAddOptions extends MemberOptions {
  readonly promote: boolean;
  readonly configOnly?: boolean;
  readonly peerUrl?: string;
  readonly clientUrl?: string;
  readonly logLevel: string;
}

/** On a local cluster starts another master; with `--config-only` tells the cluster and prints a configuration. */
export async function memberAddCommand(name: string, options: MemberAddOptions, signal: AbortSignal): Promise<number> {
  if (options.configOnly === true) return addElsewhere(name, options);
  const cluster = await localCluster(options, signal);
  await addLocalMember(cluster, name, options);
  print(await cluster.access.view(), options.output);
  return 0;
}

export async function memberPromoteCommand(nameOrId: string, options: MemberOptions): Promise<number> {
  const access = await MemberAccess.open(options);
  const { id } = findMember(await access.view(), nameOrId);
  await access.ask((client) => client.memberPromote(id));
  print(await access.view(), options.output);
  return 0;
}

export interface MemberRemoveOptions extends MemberOptions {
  readonly deleteData?: boolean;
  readonly logLevel: string;
}

export async function memberRemoveCommand(
  nameOrId: string,
  options: MemberRemoveOptions,
  signal: AbortSignal,
): Promise<number> {
  const local = options.endpoints === undefined ? await localCluster(options, signal) : undefined;
  const access = local?.access ?? (await MemberAccess.open(options));
  const master = local?.spec.masters.find((one) => one.name === nameOrId || one.memberId === nameOrId);
  if (local !== undefined && master !== undefined) {
    await removeLocalMember(local, master, { deleteData: options.deleteData === true });
  } else {
    const { id } = findMember(await access.view(), nameOrId);
    await access.ask((client) => client.memberRemove(id));
  }
  // A removed master's port is gone: whoever is left knows.
  print(await (await MemberAccess.open(options)).view(), options.output);
  return 0;
}

export async function memberReplaceCommand(
  name: string,
  options: MemberRemoveOptions,
  signal: AbortSignal,
): Promise<number> {
  const cluster = await localCluster(options, signal);
  const master = masterOf(cluster, name);
  await replaceLocalMember(cluster, master, { deleteData: options.deleteData === true });
  print(await cluster.access.view(), options.output);
  return 0;
}

/** @param nameOrId the next leader; absent: the voter that is furthest */
export async function moveLeaderCommand(nameOrId: string | undefined, options: MemberOptions): Promise<number> {
  const access = await MemberAccess.open(options);
  const view = await access.view();
  const leader = view.members.find(({ role }) => role === "leader");
  if (leader === undefined) throw new CommandFailure("no member leads now", { remedy: "see `triarch member list`" });
  const target = nameOrId === undefined ? furthestFollower(view) : findMember(view, nameOrId);
  if (target.role === "learner" || target.role === "unstarted") {
    throw new CommandFailure(`${target.name} does not vote, so it cannot lead`, { remedy: "promote it first" });
  }
  if (target.id !== leader.id) {
    await access.askAt(leader.clientUrls[0] ?? "", (client) => client.moveLeader(target.id));
  }
  if (options.output === "json") {
    console.log(JSON.stringify({ from: leader.id.toString(16), to: target.id.toString(16), name: target.name }));
  } else {
    console.log(
      target.id === leader.id ? `${target.name} leads already` : `${target.name} leads, in place of ${leader.name}`,
    );
  }
  return 0;
}

function furthestFollower({ members }: ClusterView): MemberView {
  const followers = members.filter(({ role }) => role === "follower");
  const [best] = followers.sort((left, right) => (left.lag ?? 0) - (right.lag ?? 0));
  if (best === undefined) throw new CommandFailure("there is no other voting member that answers");
  return best;
}

/** The cluster is told of the member; starting it is up to whoever reads the configuration. */
async function addElsewhere(name: string, options: MemberAddOptions): Promise<number> {
  const { peerUrl, clientUrl } = options;
  if (peerUrl === undefined || clientUrl === undefined) {
    throw new CommandFailure("--config-only needs --peer-url and --client-url: where the others reach the new master", {
      exitCode: 2,
    });
  }
  const access = await MemberAccess.open(options);
  const { member } = await access.ask((client) => client.memberAdd({ peerUrls: [peerUrl], isLearner: true }));
  const { clusterId, members } = await access.view();
  const id = member?.id ?? 0n;
  const spec = options.endpoints === undefined ? await readClusterSpec(clusterPaths(options.dataDir)) : undefined;
  const initialCluster = Object.fromEntries(
    members.map((one) => [
      one.id === id ? name : one.name,
      {
        peerUrl: one.peerUrls[0] ?? "",
        ...(one.id === id ? { clientUrl } : one.clientUrls[0] === undefined ? {} : { clientUrl: one.clientUrls[0] }),
        id: one.id.toString(16),
      },
    ]),
  );
  const pair = (what: string) => ({ certFile: `pki/${name}-${what}.crt`, keyFile: `pki/${name}-${what}.key` });
  const config = {
    name,
    dataDir: name,
    // Only new clusters are told apart by it; the ids below say which one this is.
    clusterToken: spec?.clusterId ?? clusterId.toString(16),
    join: "existing",
    clusterId: clusterId.toString(16),
    initialCluster,
    api: { listen: [`${new URL(clientUrl).hostname}:6443`], ...pair("apiserver"), clientCaFile: "pki/ca.crt" },
    serviceAccounts: { keyFile: "pki/sa.key" },
    etcd: { listen: new URL(clientUrl).host, ...pair("etcd"), clientCaFile: "pki/etcd-ca.crt" },
    peer: { listen: new URL(peerUrl).host, ...pair("peer"), caFile: "pki/peer-ca.crt" },
  };
  console.log(stringify(config, { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" }).trimEnd());
  console.error(
    `Member ${id.toString(16)} was added as a learner. Save this as a file, put certificates and the cluster's sa.key where ` +
      `it says, start it with \`triarch server --config FILE\`, then \`triarch member promote ${name}\`.`,
  );
  return 0;
}

async function localCluster(
  options: AccessOptions & { readonly logLevel: string },
  signal: AbortSignal,
): Promise<LocalCluster> {
  if (options.endpoints !== undefined) {
    throw new CommandFailure("only the local cluster's processes can be started from here", {
      remedy: "leave --endpoints out, or use --config-only on other machines",
      exitCode: 2,
    });
  }
  const paths = clusterPaths(options.dataDir);
  const spec = await requireClusterSpec(paths);
  const access = await MemberAccess.open(options);
  return { spec, paths, access, progress: terminalProgress(), signal, logLevel: options.logLevel };
}

function masterOf({ spec }: LocalCluster, name: string): MasterSpec {
  const master = spec.masters.find((one) => one.name === name || one.memberId === name);
  if (master !== undefined) return master;
  throw new CommandFailure(`there is no master ${name} in this cluster`, {
    remedy: `masters are ${spec.masters.map((one) => one.name).join(", ")}`,
  });
}

function print({ clusterId, members }: ClusterView, output: "json" | undefined): void {
  if (output === "json") {
    const shown = members.map((member) => ({ ...member, id: member.id.toString(16) }));
    console.log(JSON.stringify({ clusterId: clusterId.toString(16), members: shown }, undefined, 2));
    return;
  }
  const rows = members.map(({ id, name, role, lag, peerUrls, clientUrls }) => [
    id.toString(16),
    name === "" ? "-" : name,
    role,
    lag === undefined ? "-" : String(lag),
    peerUrls.join(","),
    clientUrls.length === 0 ? "-" : clientUrls.join(","),
  ]);
  console.log(renderTable(["ID", "NAME", "ROLE", "LAG", "PEER URLS", "CLIENT URLS"], rows));
}
