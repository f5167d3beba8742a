// How long a cluster takes nothing after its leader was killed, stopped, cut off, or asked to hand over. Both survivors
// propose all the time; what counts is the first proposal made after the fault that is accepted.
import { setTimeout as delay } from "node:timers/promises";
import { machineClockMs, type Probe } from "./protocol.ts";

export type Fault = "kill" | "stop" | "partition" | "handOver";

export interface FailoverMember {
  readonly id: number;
  readonly isRunning: boolean;
  start(): void;
  probe(): void;
  probed(): Promise<readonly Probe[]>;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  kill(): Promise<void>;
}

export interface FailoverCluster<M extends FailoverMember> {
  readonly members: readonly M[];
  settled(): Promise<M>;
}

export interface FailoverWays<M> {
  readonly handOver: (from: M, to: M) => Promise<void>;
  /** Absent where links cannot be cut. */
  readonly cut: ((member: M, cut: boolean) => Promise<void>) | undefined;
}

/** So long it is watched after the fault at most. */
const watchMs = 8_000;
/** Probes run this long before the fault, so that connections are warm. */
const leadInMs = 150;

/** @returns milliseconds without an accepted proposal, one figure a round; Infinity when none came within 8 s */
export async function failovers<M extends FailoverMember>(
  cluster: FailoverCluster<M>,
  ways: FailoverWays<M>,
  fault: Fault,
  rounds: number,
  onRound: (done: number, gapMs: number) => void,
): Promise<number[]> {
  const gaps: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const leader = await cluster.settled();
    const survivors = cluster.members.filter((member) => member !== leader);
    for (const member of survivors) member.probe();
    await delay(leadInMs);
    const orderedMs = machineClockMs();
    await strike(leader, survivors[round % survivors.length] as M, ways, fault);
    // A signal works when it is sent; a link is cut when the command has ended.
    const atMs = fault === "partition" ? machineClockMs() : orderedMs;
    const probes = await watch(survivors, atMs);
    gaps.push(fault === "handOver" ? longestGap(probes, atMs) : firstAfter(probes, atMs));
    onRound(round + 1, gaps.at(-1) ?? 0);
    await mend(leader, ways, fault);
  }
  return gaps;
}

async function strike<M extends FailoverMember>(
  leader: M,
  next: M,
  ways: FailoverWays<M>,
  fault: Fault,
): Promise<void> {
  switch (fault) {
    case "kill":
      return leader.kill();
    case "stop":
      return leader.signal("SIGSTOP");
    case "partition":
      return ways.cut?.(leader, true);
    case "handOver":
      return ways.handOver(leader, next);
  }
}

async function mend<M extends FailoverMember>(leader: M, ways: FailoverWays<M>, fault: Fault): Promise<void> {
  if (fault === "stop") leader.signal("SIGCONT");
  if (fault === "partition") await ways.cut?.(leader, false);
  if (!leader.isRunning) leader.start();
}

/** Ends as soon as a proposal made after the fault was accepted, and half a second later at the earliest. */
async function watch(survivors: readonly FailoverMember[], atMs: number): Promise<readonly Probe[]> {
  let probes: readonly Probe[] = [];
  for (let waitMs = 500; machineClockMs() - atMs < watchMs; waitMs = 1_500) {
    await delay(waitMs);
    const found = await Promise.all(survivors.map((member) => member.probed()));
    probes = found.flat();
    if (firstAfter(probes, atMs) < Number.POSITIVE_INFINITY) return probes;
    for (const member of survivors) member.probe();
  }
  return probes;
}

function firstAfter(probes: readonly Probe[], atMs: number): number {
  const accepted = probes.filter(({ proposedMs }) => proposedMs > atMs).map(({ acceptedMs }) => acceptedMs);
  return Math.min(...accepted) - atMs;
}

/** Between accepted proposals from shortly before `atMs` on. */
function longestGap(probes: readonly Probe[], atMs: number): number {
  const times = probes.map(({ acceptedMs }) => acceptedMs).sort((left, right) => left - right);
  let longest = 0;
  for (let i = 1; i < times.length; i++) {
    const [from = 0, to = 0] = [times[i - 1], times[i]];
    if (to > atMs && from < atMs + 400) longest = Math.max(longest, to - from);
  }
  return longest;
}
