/**
 * Rounds of: members under load, in half of them killed and started again meanwhile; stopped, their disks copied as the
 * device has them, killed; started from the copies.
 * Nothing acknowledged may be missing then, and all members hold the same. Every so many rounds the disks are new.
 */
import { seededRng, type Rng } from "@triarch/base";
import type { Disks } from "./disks.ts";
import { Ledger } from "./ledger.ts";
import { Load } from "./load.ts";
import { StoreCluster } from "./store-cluster.ts";

const clientsPerMember = 8;
/**
 * Writes acknowledged before the power goes. Some rounds are so long that the log starts anew from what the state machine
 * says it has (every 1,000 entries), others so short that the power goes while members still catch up.
 */
const writesPerRoundMin = 100;
const writesPerRoundSpread = 1_800;
/** Then the images are full of history. */
const roundsPerFormat = 5;

export interface RoundReport {
  readonly round: number;
  readonly acknowledged: number;
  readonly revision: number;
}

/** @throws Violation */
export async function losePower(options: {
  readonly disks: Disks;
  readonly rounds: number;
  readonly seed: number;
  readonly onRound: (report: RoundReport) => void;
}): Promise<void> {
  const { disks, rounds } = options;
  const rng = seededRng(options.seed);
  let life: { readonly cluster: StoreCluster; readonly ledger: Ledger } | undefined;
  try {
    for (let round = 1; round <= rounds; round++) {
      if (life === undefined || round % roundsPerFormat === 1) {
        await life?.cluster.kill();
        await disks.format();
        life = { cluster: await StoreCluster.create(disks.mountPoints), ledger: new Ledger() };
        await life.cluster.start();
      }
      await loseItOnce(life, disks, rng, `r${round}`);
      const revision = await life.cluster.check(life.ledger);
      options.onRound({ round, acknowledged: life.ledger.count, revision });
    }
  } finally {
    await life?.cluster.kill();
  }
}

async function loseItOnce(
  { cluster, ledger }: { readonly cluster: StoreCluster; readonly ledger: Ledger },
  disks: Disks,
  rng: Rng,
  name: string,
): Promise<void> {
  const load = new Load({ members: cluster.members, clientsPerMember, ledger, rng, name });
  try {
    const look = (): void => cluster.requireAlive();
    await load.reached(rng.int(writesPerRoundMin), look);
    // What a killed process wrote and did not sync is seen by the next one, and still lost when the power goes.
    if (rng.int(2) === 0) {
      await cluster.kill();
      await cluster.start();
    }
    await load.reached(writesPerRoundMin + rng.int(writesPerRoundSpread), look);
    for (const member of cluster.members) member.freeze();
    await disks.cutPower();
  } finally {
    await cluster.kill();
    await load.stop();
  }
  await disks.restorePower();
  await cluster.start();
}
