// What `triarch status` shows: each member's own words over the etcd port, the holders of the leader elections and the
// nodes over the API. A part that does not answer is shown as such; nothing here waits longer than two seconds.
import { readFile } from "node:fs/promises";
import type { Lease, Node } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { kubeClientFromFile, resourceRefs } from "@triarch/client";
import { connectEtcd } from "@triarch/etcd-grpc";
import { keyPairPaths } from "@triarch/pki";
import { join } from "node:path";
import type { ClusterPaths, ClusterSpec, MasterSpec } from "../cluster/cluster-spec.ts";
import { messageOf } from "../errors.ts";
import { SupervisorClient } from "../supervisor/supervisor-client.ts";
import { readSchedule, type ScheduleReport } from "./snapshots.ts";
import type { ProcessStatus } from "../supervisor/process-spec.ts";

const answerTimeoutMs = 2_000;

export interface MemberStatus {
  readonly name: string;
  /** Hex, as etcdctl shows it; empty while unreachable. */
  readonly id: string;
  readonly pid: number | null;
  readonly role: "leader" | "follower" | "learner" | "unreachable";
  readonly term: number;
  readonly revision: number;
  readonly appliedIndex: number;
  /** Entries behind the member that is furthest. */
  readonly lag: number;
  readonly apiUrl: string;
  readonly etcdUrl: string;
}

export interface ClusterStatus {
  readonly clusterId: string;
  readonly runtime: string;
  readonly members: readonly MemberStatus[];
  readonly components: readonly { readonly name: string; readonly holder: string; readonly renewedAt: string }[];
  readonly nodes: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly internalIp: string;
    readonly podCidr: string;
    readonly runtime: string;
    /** Last renewal of the node's lease; empty: none. */
    readonly renewedAt: string;
  }[];
  readonly processes: readonly Pick<ProcessStatus, "name" | "pid" | "state" | "restarts">[];
  /** Undefined: nobody could be asked. */
  readonly snapshots: ScheduleReport | undefined;
  /** What could not be asked, and why. */
  readonly problems: readonly string[];
}

export async function collectStatus(spec: ClusterSpec, paths: ClusterPaths): Promise<ClusterStatus> {
  const problems: string[] = [];
  const processes = (await new SupervisorClient(paths).status()) ?? [];
  if (processes.length === 0)
    problems.push("no supervisor answers: the cluster is not running (start it with `triarch up`)");
  const members = await memberStatuses(spec, paths, processes, problems);
  const { components, nodes } = await apiStatus(paths, members, problems);
  const snapshots = await snapshotStatus(paths, members, problems);
  return {
    clusterId: spec.clusterId,
    runtime: spec.runtime,
    members,
    components,
    nodes,
    processes: processes.map(({ name, pid, state, restarts }) => ({ name, pid, state, restarts })),
    snapshots,
    problems,
  };
}

async function snapshotStatus(
  paths: ClusterPaths,
  members: readonly MemberStatus[],
  problems: string[],
): Promise<ScheduleReport | undefined> {
  const member = members.find(({ role }) => role === "leader" || role === "follower");
  if (member === undefined) return undefined;
  const client = connectEtcd({ url: member.etcdUrl, tls: await etcdTls(paths), timeoutMs: answerTimeoutMs });
  try {
    return await readSchedule(client);
  } catch (error) {
    problems.push(`the snapshot schedule cannot be read: ${messageOf(error)}`);
    return undefined;
  } finally {
    await client.close();
  }
}

export async function etcdTls(paths: ClusterPaths): Promise<{ caPem: string; certificatePem: string; keyPem: string }> {
  const client = keyPairPaths(paths.pki, "etcd-client");
  const [caPem, certificatePem, keyPem] = await Promise.all([
    readFile(join(paths.pki, "etcd-ca.crt"), "utf8"),
    readFile(client.certificateFile, "utf8"),
    readFile(client.keyFile, "utf8"),
  ]);
  return { caPem, certificatePem, keyPem };
}

export async function memberStatuses(
  spec: ClusterSpec,
  paths: ClusterPaths,
  processes: readonly ProcessStatus[],
  problems: string[],
): Promise<readonly MemberStatus[]> {
  const tls = await etcdTls(paths);
  const asked = await Promise.all(
    spec.masters.map(async (master) => {
      const pid = processes.find((one) => one.name === master.name)?.pid ?? null;
      const url = `https://127.0.0.1:${master.etcdPort}`;
      const client = connectEtcd({ url, tls, timeoutMs: answerTimeoutMs });
      try {
        return { master, pid, answer: await client.status() };
      } catch (error) {
        problems.push(`${master.name} does not answer: ${messageOf(error)}`);
        return { master, pid, answer: undefined };
      } finally {
        await client.close();
      }
    }),
  );
  const furthest = Math.max(0, ...asked.map(({ answer }) => answer?.raftIndex ?? 0));
  return asked.map(({ master, pid, answer }) => {
    const urls = memberUrls(master);
    if (answer === undefined) {
      return {
        name: master.name,
        id: "",
        pid,
        role: "unreachable",
        term: 0,
        revision: 0,
        appliedIndex: 0,
        lag: 0,
        ...urls,
      };
    }
    const memberId = answer.header?.memberId ?? 0n;
    const role = answer.isLearner ? "learner" : answer.leader === memberId ? "leader" : "follower";
    return {
      name: master.name,
      id: memberId.toString(16),
      pid,
      role,
      term: answer.raftTerm,
      revision: answer.header?.revision ?? 0,
      appliedIndex: answer.raftAppliedIndex,
      lag: Math.max(0, furthest - answer.raftAppliedIndex),
      ...urls,
    };
  });
}

function memberUrls(master: MasterSpec): { apiUrl: string; etcdUrl: string } {
  return { apiUrl: `https://127.0.0.1:${master.apiPort}`, etcdUrl: `https://127.0.0.1:${master.etcdPort}` };
}

async function apiStatus(
  paths: ClusterPaths,
  members: readonly MemberStatus[],
  problems: string[],
): Promise<Pick<ClusterStatus, "components" | "nodes">> {
  if (members.every((member) => member.role === "unreachable")) return { components: [], nodes: [] };
  const client = await kubeClientFromFile(paths.kubeconfig, {
    clock: systemClock,
    rng: seededRng(process.pid),
    userAgent: "triarch-status",
    requestTimeoutMs: answerTimeoutMs,
  });
  try {
    const [leases, nodeLeases, nodes] = await Promise.all([
      client.list<Lease>(resourceRefs.leases, { namespace: "kube-system" }),
      client.list<Lease>(resourceRefs.leases, { namespace: "kube-node-lease" }),
      client.list<Node>(resourceRefs.nodes),
    ]);
    const renewed = new Map(nodeLeases.items.map((one) => [one.metadata?.name, one.spec?.renewTime ?? ""]));
    const elected = ["kube-scheduler", "kube-controller-manager"];
    return {
      components: elected.map((name) => {
        const lease = leases.items.find((one) => one.metadata?.name === name);
        return { name, holder: lease?.spec?.holderIdentity ?? "", renewedAt: lease?.spec?.renewTime ?? "" };
      }),
      nodes: nodes.items.map((node) => ({
        name: node.metadata?.name ?? "",
        ready: node.status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false,
        internalIp: node.status?.addresses?.find((one) => one.type === "InternalIP")?.address ?? "",
        podCidr: node.spec?.podCIDR ?? "",
        runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? "",
        renewedAt: renewed.get(node.metadata?.name) ?? "",
      })),
    };
  } catch (error) {
    problems.push(`the API does not answer: ${messageOf(error)}`);
    return { components: [], nodes: [] };
  } finally {
    await client.close();
  }
}
