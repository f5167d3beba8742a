// Kills the leading master under a running write load and measures what clients see: the pause, the new leader, whether
// an acknowledged write is missing afterwards, and whether everything else carries on.
import { setTimeout as delay } from "node:timers/promises";
import type { ConfigMap, Deployment, Lease, Namespace, Pod } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { ApiError, kubeClientFromFile, resourceRefs, type BalancedKubeClient } from "@triarch/client";
import type { ClusterPaths, ClusterSpec } from "../cluster/cluster-spec.ts";
import { CommandFailure } from "../errors.ts";
import type { Progress } from "../output/progress.ts";
import { memberStatuses, type MemberStatus } from "../status/collect.ts";
import { SupervisorClient } from "../supervisor/supervisor-client.ts";
import { longestGap, WriteLoad } from "./write-load.ts";

const writers = 8;
const warmUpMs = 2_000;
const coolDownMs = 2_000;
const recoveryTimeoutMs = 30_000;

export interface DrillCheck {
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
  readonly detail: string;
}

export interface DrillReport {
  readonly drill: "leader-kill";
  readonly startedAt: string;
  readonly leaderBefore: string;
  readonly leaderAfter: string;
  readonly writes: { readonly acknowledged: number; readonly refused: number; readonly unknown: number };
  readonly longestGapMs: number;
  readonly timeToLeaderMs: number;
  readonly lostWrites: number;
  readonly catchUpMs: number;
  readonly checks: readonly DrillCheck[];
  readonly passed: boolean;
  /** Milliseconds since the kill of each acknowledgement, for charts. */
  readonly acknowledgedAtMs: readonly number[];
}

export async function leaderKillDrill(
  spec: ClusterSpec,
  paths: ClusterPaths,
  progress: Progress,
  signal: AbortSignal,
): Promise<DrillReport> {
  const supervisor = new SupervisorClient(paths);
  const processes = await supervisor.status();
  if (processes === undefined)
    throw new CommandFailure("the cluster is not running", { remedy: "start it with `triarch up`" });
  const client = await kubeClientFromFile(paths.kubeconfig, {
    clock: systemClock,
    rng: seededRng(process.pid),
    userAgent: "triarch-drill",
  });
  const namespace = `triarch-drill-${process.pid}`;
  const checks: DrillCheck[] = [];
  const check: AddCheck = (name, passed, detail) =>
    void checks.push({ name, result: passed ? "passed" : "failed", detail });
  const until = waiter(signal);
  let held: string | undefined;
  let load: WriteLoad | undefined;
  try {
    const before = await leaderOf(spec, paths);
    if (before.pid === null) throw new CommandFailure(`the process of ${before.name} is not known`);
    const startedAt = new Date(systemClock.nowMs()).toISOString();
    const podsBefore = await containerIds(client);
    await client.create<Namespace>(resourceRefs.namespaces, { metadata: { name: namespace } });
    const running = new WriteLoad({ client, clock: systemClock, namespace, writers });
    load = running;

    await progress.step(
      "Write load",
      () => delay(warmUpMs, undefined, { signal }),
      () => `${writers} writers, ${running.acknowledgedCount} writes so far`,
    );
    await supervisor.order("hold", before.name);
    held = before.name;
    const killedAtMs = systemClock.monotonicMs();
    process.kill(before.pid, "SIGKILL");
    const after = await progress.step(
      `Killed ${before.name} (pid ${before.pid})`,
      () =>
        until(
          async () => (await members(spec, paths)).find((one) => one.role === "leader" && one.name !== before.name),
          "a new leader",
        ),
      (leader) => `${leader.name} leads in term ${leader.term}`,
    );
    const timeToLeaderMs = systemClock.monotonicMs() - killedAtMs;
    await progress.step("Writes go on", async () => {
      await until(async () => (running.lastAtMs > killedAtMs ? true : undefined), "an acknowledged write");
      await delay(coolDownMs, undefined, { signal });
    });
    await progress.step("Elected components", async () => {
      for (const name of ["kube-scheduler", "kube-controller-manager"]) {
        const lease = await until(async () => renewedSince(client, name, killedAtMs), `${name} to renew its lease`);
        check(`${name} leads`, true, lease.spec?.holderIdentity ?? "");
      }
    });
    await progress.step("Scaling the example", () => scaleExample(client, until, checks));
    const result = await running.stop();
    const lost = await progress.step(
      "Checking every acknowledged write",
      () => lostWrites(client, namespace, result.acknowledged),
      (missing) => `${result.acknowledged.size} acknowledged, ${missing.length} lost`,
    );
    check("no acknowledged write is lost", lost.length === 0, lost.slice(0, 5).join(", "));
    const podsAfter = await containerIds(client);
    const replaced = [...podsBefore].filter(([pod, id]) => podsAfter.get(pod) !== id).map(([pod]) => pod);
    check(
      "workers carried on",
      replaced.length === 0,
      replaced.length === 0 ? `${podsBefore.size} containers untouched` : replaced.join(", "),
    );

    const restartedAtMs = systemClock.monotonicMs();
    await supervisor.order("start", before.name);
    held = undefined;
    await progress.step(`Starting ${before.name} again`, () =>
      until(
        async () =>
          (await members(spec, paths)).find(
            (one) => one.name === before.name && one.role === "follower" && one.lag <= 5,
          ),
        "it to catch up",
      ),
    );
    const catchUpMs = systemClock.monotonicMs() - restartedAtMs;
    const gap = longestGap(result.acknowledgedAtMs);
    return {
      drill: "leader-kill",
      startedAt,
      leaderBefore: before.name,
      leaderAfter: after.name,
      writes: { acknowledged: result.acknowledged.size, refused: result.refused, unknown: result.unknown },
      longestGapMs: Math.round(gap.gapMs),
      timeToLeaderMs: Math.round(timeToLeaderMs),
      lostWrites: lost.length,
      catchUpMs: Math.round(catchUpMs),
      checks,
      passed: checks.every((one) => one.result !== "failed"),
      acknowledgedAtMs: result.acknowledgedAtMs.map((at) => Math.round(at - killedAtMs)),
    };
  } finally {
    if (held !== undefined) await supervisor.order("start", held);
    await client.delete(resourceRefs.namespaces, { name: namespace }).catch(() => undefined);
    // Closing ends the requests that writers wait on, should the drill have failed half-way.
    await client.close();
    await load?.stop();
  }
}

function members(spec: ClusterSpec, paths: ClusterPaths): Promise<readonly MemberStatus[]> {
  return memberStatuses(spec, paths, [], []);
}

async function leaderOf(spec: ClusterSpec, paths: ClusterPaths): Promise<MemberStatus> {
  const processes = (await new SupervisorClient(paths).status()) ?? [];
  const leader = (await memberStatuses(spec, paths, processes, [])).find((one) => one.role === "leader");
  if (leader === undefined)
    throw new CommandFailure("no member leads; nothing was done", { remedy: "look at `triarch status`" });
  return leader;
}

/** Pods and the containers in them, without pods that are going anyway. */
async function containerIds(client: BalancedKubeClient): Promise<Map<string, string>> {
  const all = (await client.list<Pod>(resourceRefs.pods)).items;
  const pods = all.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
  return new Map(
    pods.map((pod) => [
      `${pod.metadata?.namespace}/${pod.metadata?.name}`,
      (pod.status?.containerStatuses ?? []).map((one) => one.containerID ?? "").join(","),
    ]),
  );
}

async function renewedSince(
  client: BalancedKubeClient,
  name: string,
  sinceMonotonicMs: number,
): Promise<Lease | undefined> {
  const lease = await client.get<Lease>(resourceRefs.leases, { namespace: "kube-system", name });
  const sinceMs = systemClock.nowMs() - (systemClock.monotonicMs() - sinceMonotonicMs);
  const renewed = Date.parse(lease.spec?.renewTime ?? "") > sinceMs && lease.spec?.holderIdentity !== "";
  return renewed ? lease : undefined;
}

/** One replica more must become available; the former number comes back afterwards. */
async function scaleExample(client: BalancedKubeClient, until: Until, checks: DrillCheck[]): Promise<void> {
  const name = "scaling the example works";
  const key = { namespace: "default", name: "hello" };
  let deployment: Deployment;
  try {
    deployment = await client.get<Deployment>(resourceRefs.deployments, key);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 404) throw error;
    checks.push({ name, result: "skipped", detail: "there is no deployment/hello" });
    return;
  }
  const replicas = deployment.spec?.replicas ?? 1;
  const scale = (count: number) =>
    client.patch(resourceRefs.deployments, key, { spec: { replicas: count } }, { type: "merge" });
  await scale(replicas + 1);
  await until(
    async () => {
      const now = await client.get<Deployment>(resourceRefs.deployments, key);
      return (now.status?.availableReplicas ?? 0) > replicas ? now : undefined;
    },
    `${replicas + 1} available replicas`,
  );
  checks.push({ name, result: "passed", detail: `${replicas} to ${replicas + 1} replicas` });
  await scale(replicas);
}

async function lostWrites(
  client: BalancedKubeClient,
  namespace: string,
  acknowledged: ReadonlySet<string>,
): Promise<readonly string[]> {
  const present = new Set<string>();
  let next: string | undefined;
  do {
    const page = await client.list<ConfigMap>(resourceRefs.configMaps, {
      namespace,
      limit: 5_000,
      ...(next === undefined ? {} : { continue: next }),
    });
    for (const one of page.items) present.add(one.metadata?.name ?? "");
    next = page.metadata.continue === "" ? undefined : page.metadata.continue;
  } while (next !== undefined);
  return [...acknowledged].filter((name) => !present.has(name));
}

type AddCheck = (name: string, passed: boolean, detail: string) => void;
type Until = <T>(look: () => Promise<T | undefined>, what: string) => Promise<T>;

/** Looks every 10 ms until there is something; errors on the way are part of a drill. */
function waiter(signal: AbortSignal): Until {
  return async (look, what) => {
    const deadline = systemClock.monotonicMs() + recoveryTimeoutMs;
    let last = "";
    while (systemClock.monotonicMs() < deadline) {
      signal.throwIfAborted();
      try {
        const found = await look();
        if (found !== undefined) return found;
      } catch (error) {
        last = error instanceof Error ? `: ${error.message}` : "";
      }
      await delay(10);
    }
    throw new CommandFailure(`waited ${recoveryTimeoutMs / 1000} s for ${what}${last}`, {
      remedy: "look at `triarch status` and the logs",
    });
  };
}
