// Killed at every point between the log, memory and the database, again and again on one folder: nothing acknowledged is
// lost, and in the end the rows are those of a twin that was never interrupted.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { seededRng } from "@triarch/base";
import { spawnServed, temporaryFolder } from "../support/etcd/child.ts";
import { crashPoints, type RestartConfig, type RestartLine } from "./restart-member.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);
const requests = 1_500;
const occurrenceMax = 16;
/** The database is written at most once in a while, whatever there is to write. */
const databaseOccurrenceMax = 2;
/** Sixteen processes are started one after the other. */
t.setTimeout(500_000);
const program = join(import.meta.dirname, "restart-member.ts");

interface Life {
  readonly exit: string;
  readonly lines: readonly RestartLine[];
  readonly errors: string;
}

async function live(config: RestartConfig): Promise<Life> {
  const lines: RestartLine[] = [];
  const served = spawnServed(process.execPath, [program, JSON.stringify(config)], (line) =>
    lines.push(JSON.parse(line) as RestartLine),
  );
  await new Promise((resolve) => served.child.once("close", resolve));
  return { exit: served.exit() ?? "", lines, errors: served.errors() };
}

t.test("killed at every point, the rows are those of an uninterrupted twin", async (t) => {
  const folder = await temporaryFolder("restart");
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const rng = seededRng(seed);
  const killed = join(folder, "killed");
  const twin = live({ dataDir: join(folder, "twin"), requests, crash: undefined });
  let acknowledged = 1;
  for (const point of [...crashPoints, ...crashPoints.toReversed()]) {
    const occurrence = 2 + rng.int(point.includes("database") ? databaseOccurrenceMax : occurrenceMax);
    const crash = { point, occurrence };
    const life = await live({ dataDir: killed, requests, crash });
    const first = life.lines[0]?.revision ?? Infinity;
    const note = `seed ${seed}: ${point}, time ${crash.occurrence}`;
    t.equal(life.exit, "SIGKILL", `${note} ${life.errors}`);
    t.ok(first > acknowledged, `${note}: went on after revision ${acknowledged}`);
    acknowledged = life.lines.at(-1)?.revision ?? acknowledged;
  }
  const last = await live({ dataDir: killed, requests, crash: undefined });
  const expected = await twin;
  t.equal(last.exit, "code 0", last.errors);
  t.ok((last.lines[0]?.revision ?? 0) > acknowledged, "nothing acknowledged was lost");
  t.match(expected.lines.at(-1), { revision: requests + 1, hash: Number });
  t.same(last.lines.at(-1), expected.lines.at(-1), "the same hash");
});
