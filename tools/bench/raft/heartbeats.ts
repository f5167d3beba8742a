// How long followers wait for their leader, read from the members' own metrics.
import { StatusRequest, StatusResponse } from "@triarch/etcd-proto";
import { Agent, request } from "undici";
import type { LoadConnection } from "../etcd/grpc-load.ts";
import type { MasterCluster } from "../masters.ts";

const metric = "triarch_raft_heartbeat_delay_seconds_bucket";

/** Observations so far by upper bound in seconds, cumulative, over all members. */
export type Buckets = ReadonlyMap<number, number>;

export async function heartbeats({ etcdUrls, etcdTls }: MasterCluster): Promise<Buckets> {
  const agent = new Agent({ connect: { ...etcdTls } });
  const sums = new Map<number, number>();
  try {
    for (const url of etcdUrls) {
      const { body } = await request(`${url}/metrics`, { dispatcher: agent });
      for (const line of (await body.text()).split("\n")) {
        const match = /le="([^"]+)"[^}]*\} (\d+)/.exec(line);
        if (!line.startsWith(metric) || match === null) continue;
        const bound = match[1] === "+Inf" ? Number.POSITIVE_INFINITY : Number(match[1]);
        sums.set(bound, (sums.get(bound) ?? 0) + Number(match[2]));
      }
    }
  } finally {
    await agent.destroy();
  }
  if (sums.size === 0) throw new Error(`no member has the metric ${metric}`);
  return sums;
}

/** @returns the upper bound of the bucket in which the quantile of what came between lies; NaN without any */
export function quantileMs(before: Buckets, after: Buckets, share: number): number {
  const bounds = [...after.keys()].sort((left, right) => left - right);
  const counted = bounds.map((bound) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0));
  const total = counted.at(-1) ?? 0;
  const at = counted.findIndex((count) => count >= total * share);
  return total === 0 ? Number.NaN : (bounds[at] ?? Number.NaN) * 1_000;
}

/** The highest term that a member knows: it grows with each election. */
export async function term(connections: readonly LoadConnection[]): Promise<number> {
  const path = "/etcdserverpb.Maintenance/Status";
  const answers = await Promise.all(connections.map((connection) => connection.unary(path, StatusRequest.encode({}))));
  return Math.max(...answers.map((answer) => StatusResponse.decode(answer).raftTerm));
}
