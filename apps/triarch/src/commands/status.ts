import { setTimeout as delay } from "node:timers/promises";
import colours from "picocolors";
import { clusterPaths, requireClusterSpec } from "../cluster/cluster-spec.ts";
import { renderTable } from "../output/table.ts";
import { collectStatus, type ClusterStatus } from "../status/collect.ts";
import { snapshotLine } from "../status/snapshots.ts";

export interface StatusOptions {
  readonly dataDir: string;
  readonly output?: "json";
  readonly watch?: boolean;
}

/** Time between looks with `--watch`. */
const watchIntervalMs = 1_000;

export async function statusCommand(options: StatusOptions, signal: AbortSignal): Promise<number> {
  const paths = clusterPaths(options.dataDir);
  const spec = await requireClusterSpec(paths);
  for (;;) {
    const status = await collectStatus(spec, paths);
    const text = options.output === "json" ? JSON.stringify(status, undefined, 2) : renderStatus(status);
    if (options.watch === true && process.stdout.isTTY) process.stdout.write("\u001b[H\u001b[2J");
    console.log(text);
    if (options.watch !== true || signal.aborted) return status.members.some((one) => one.role === "leader") ? 0 : 1;
    await delay(watchIntervalMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 0;
  }
}

export function renderStatus(status: ClusterStatus): string {
  const role = (text: string): string =>
    text === "leader" ? colours.green(text) : text === "unreachable" ? colours.red(text) : text;
  const members = renderTable(
    ["MEMBER", "ROLE", "TERM", "REVISION", "APPLIED", "LAG", "PID", "API", "ETCD"],
    status.members.map((one) => [
      one.name,
      role(one.role),
      ...[one.term, one.revision, one.appliedIndex, one.lag].map((value) =>
        one.role === "unreachable" ? "-" : String(value),
      ),
      one.pid === null ? "-" : String(one.pid),
      one.apiUrl,
      one.etcdUrl,
    ]),
  );
  const components = renderTable(
    ["COMPONENT", "LEADER", "RENEWED"],
    status.components.map((one) => [
      one.name,
      one.holder === "" ? "-" : one.holder,
      one.renewedAt === "" ? "-" : one.renewedAt,
    ]),
  );
  const nodes = renderTable(
    ["NODE", "STATUS", "ADDRESS", "PODS", "RUNTIME"],
    status.nodes.map((one) => [
      one.name,
      one.ready ? colours.green("Ready") : colours.red("NotReady"),
      one.internalIp,
      one.podCidr,
      one.runtime,
    ]),
  );
  const parts = [`cluster ${status.clusterId}, runtime ${status.runtime}`, members];
  if (status.components.length > 0) parts.push(components);
  if (status.nodes.length > 0) parts.push(nodes);
  const snapshots = status.snapshots === undefined ? undefined : snapshotLine(status.snapshots, Date.now());
  if (snapshots !== undefined) parts.push(`snapshots: ${snapshots}`);
  if (status.problems.length > 0)
    parts.push(status.problems.map((line) => `${colours.yellow("!")} ${line}`).join("\n"));
  return parts.join("\n\n");
}
