/**
 * `kill -9` at random moments: of one member, of two, of all, also of one that is only just starting; under load. The
 * killed start again while the load goes on. After every so many kills the load pauses and everything is checked.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { seededRng, type Rng } from "@triarch/base";
import { Ledger } from "./ledger.ts";
import { Load } from "./load.ts";
import { NoAnswer } from "./member-process.ts";
import type { RoundReport } from "./power-loss.ts";
import { StoreCluster } from "./store-cluster.ts";

const clientsPerMember = 6;
const killsPerCheck = 10;
/** Writes acknowledged between two kills, when there is a quorum. */
const writesBetweenSpread = 150;
/** A moment that no event marks. */
const momentMsSpread = 60;

/** @throws Violation */
export async function killAgainAndAgain(options: {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  readonly onRound: (report: RoundReport) => void;
}): Promise<void> {
  const rng = seededRng(options.seed);
  const dataDirs = [1, 2, 3].map((i) => join(options.folder, `m${i}`));
  for (const dir of dataDirs) await mkdir(dir);
  const cluster = await StoreCluster.create(dataDirs);
  const ledger = new Ledger();
  try {
    await cluster.start();
    for (let kills = 0; kills < options.kills;) {
      const until = Math.min(options.kills, kills + killsPerCheck);
      const load = new Load({ members: cluster.members, clientsPerMember, ledger, rng, name: `k${kills}` });
      try {
        while (kills < until) kills += await killSome(cluster, load, rng);
        await cluster.start();
      } finally {
        await load.stop();
      }
      const revision = await cluster.check(ledger);
      options.onRound({ round: kills, acknowledged: ledger.count, revision });
    }
  } finally {
    await cluster.kill();
  }
}

/** @returns how many were killed */
async function killSome(cluster: StoreCluster, load: Load, rng: Rng): Promise<number> {
  const look = (): void => cluster.requireAlive();
  const writes = load.reached(load.acknowledged + rng.int(writesBetweenSpread), look);
  writes.catch(() => undefined); // what it finds, every later look finds too
  // Or sooner: the killed have not found each other yet.
  await Promise.race([writes, moment(momentMsSpread * (1 + rng.int(20)))]);
  await moment(rng.int(momentMsSpread));
  look();
  const dice = rng.int(10);
  const count = dice < 6 ? 1 : dice < 8 ? 2 : 3;
  const first = rng.int(cluster.members.length);
  const chosen = Array.from({ length: count }, (_, i) => cluster.members[(first + i) % cluster.members.length]);
  const killed = chosen.filter((member) => member !== undefined).filter((member) => member.isRunning);
  await Promise.all(killed.map((member) => member.kill()));
  for (const member of cluster.members) if (!member.isRunning) member.start();
  // Half of them are let come up; the others may be hit while they replay their log.
  if (rng.int(2) === 0) await Promise.all(cluster.members.map((member) => member.started.catch(ignoreKilled)));
  return killed.length;
}

function ignoreKilled(error: unknown): void {
  if (!(error instanceof NoAnswer)) throw error;
}

function moment(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
