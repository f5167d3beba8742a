// What a real kube-controller-manager made of recorded scenarios, our controllers must make too: each scenario is played
// in a namespace of its own, and after each call the namespace must come to look as it did there, and stay so.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { stableJson } from "@triarch/reconcile";
import { startCluster, type TestCluster } from "./support/cluster.ts";
import { Camera, normal, preparePictures, type Picture } from "./support/picture.ts";

const file = new URL("../../../../shared/kubernetes/recorded/controllers.jsonl", import.meta.url);
/** `svc-sts` needs the StatefulSet controller. */
const inScope = /^(deploy|rs|svc(?!-sts)|gc|ns|sa)-/;
/** Played at the same time. */
const concurrency = 16;
const pollMs = 25;
/** A call that changes nothing in the picture is waited for this many polls. */
const glancesMax = 10;
/** A picture must hold this long to count: the way to another one may lead through it. */
const stillMs = 300;
/** Without any change for so long, nothing more will come. */
const patienceMs = 6_000;

/** Where we differ, and why. */
const differences: Readonly<Record<string, string>> = {};

interface Step {
  readonly call: {
    readonly method: string;
    readonly path?: string;
    readonly body?: unknown;
    readonly contentType?: string;
  };
  readonly answer?: { readonly code: number };
  readonly picture?: Picture;
}

interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

async function play(cluster: TestCluster, { name, steps }: Scenario): Promise<string | undefined> {
  const camera = new Camera(cluster.informers, name);
  const kinds = new Set(steps.flatMap((step) => Object.keys(step.picture ?? {})));
  const withRootCa = stableJson(steps).includes("kube-root-ca.crt");
  for (const [i, { call, answer, picture }] of steps.entries()) {
    const path = camera.unmarked(call.path ?? "");
    const body = JSON.parse(camera.unmarked(JSON.stringify(call.body ?? null))) as unknown;
    // Times are whole seconds; who came before whom must show in them.
    await delay(1_000 - (Date.now() % 1_000));
    const got = await cluster.client.raw({
      method: call.method,
      path,
      ...(body === null ? {} : { body }),
      ...(call.contentType === undefined ? {} : { headers: { "content-type": call.contentType } }),
    });
    if (answer !== undefined && got.statusCode !== answer.code) {
      const text = new TextDecoder().decode(got.body);
      return `step ${i}: ${call.method} ${path} answered ${got.statusCode}, not ${answer.code}: ${text}`;
    }
    if (picture === undefined) {
      await settleReads(camera);
      continue;
    }
    const difference = await expectPicture(camera, i, { picture: normal(picture), kinds, withRootCa });
    if (difference !== undefined) return `step ${i}: ${call.method} ${path}\n${difference}`;
  }
  return undefined;
}

/** Later steps may name what this one made: its informer must have seen it. */
async function settleReads(camera: Camera): Promise<void> {
  const before = camera.changes;
  for (let i = 0; i < glancesMax && camera.changes === before; i++) await delay(pollMs);
}

async function expectPicture(
  camera: Camera,
  step: number,
  expected: { readonly picture: Picture; readonly kinds: ReadonlySet<string>; readonly withRootCa: boolean },
): Promise<string | undefined> {
  const wanted = stableJson(expected.picture);
  let text = "";
  let lastPicture: Picture = {};
  let changes = -1;
  let changedMs = performance.now();
  for (;;) {
    if (camera.changes !== changes) {
      changes = camera.changes;
      lastPicture = alike(camera.take(step, expected.kinds, expected.withRootCa), expected.picture);
      const next = stableJson(lastPicture);
      if (next !== text) changedMs = performance.now();
      text = next;
    }
    const stillForMs = performance.now() - changedMs;
    if (text === wanted && stillForMs >= stillMs) return undefined;
    if (stillForMs >= patienceMs) return explain(expected.picture, lastPicture);
    await delay(pollMs);
  }
}

/** Where the recording leaves counts or births open, so do we; where the namespace is gone, that is all there is to see. */
function alike(actual: Picture, expected: Picture): Picture {
  if (expected["namespaceGone"] === true && !("namespaces" in actual)) {
    return Object.keys(actual).every((kind) => kind === "events") ? { namespaceGone: true } : actual;
  }
  const shown = withoutOpenBirths(actual, expected);
  const open = new Set(
    ((expected["events"] ?? []) as { count: unknown; message: string }[])
      .filter((one) => one.count === "*")
      .map((one) => one.message),
  );
  if (open.size === 0) return shown;
  const events = (shown["events"] ?? []) as { count: unknown; message: string }[];
  return normal({ ...shown, events: events.map((one) => (open.has(one.message) ? { ...one, count: "*" } : one)) });
}

/** Which pods of a set are the older ones may be left to chance: births are not told then. */
function withoutOpenBirths(actual: Picture, expected: Picture): Picture {
  const result: Record<string, unknown> = { ...actual };
  for (const [kind, rows] of Object.entries(expected)) {
    const have = actual[kind];
    if (kind === "events" || !Array.isArray(rows) || !Array.isArray(have)) continue;
    if ((rows as object[]).some((row) => "born" in row)) continue;
    result[kind] = (have as object[]).map((row) => ({ ...row, born: undefined }));
  }
  return normal(result);
}

function explain(expected: Picture, actual: Picture): string {
  const lines: string[] = [];
  for (const kind of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const rows = (picture: Picture): string[] => [picture[kind] ?? []].flat().map((one) => stableJson(one));
    const [want, have] = [rows(expected), rows(actual)];
    for (const row of want) if (!have.includes(row)) lines.push(`- ${kind} ${row}`);
    for (const row of have) if (!want.includes(row)) lines.push(`+ ${kind} ${row}`);
  }
  return lines.join("\n");
}

t.setTimeout(110_000);
if (!existsSync(file)) {
  t.test("recorded scenarios", { skip: "the recordings are not here" }, async () => undefined);
} else {
  const only = process.env["SCENARIO"];
  const scenarios = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Scenario)
    .filter(({ name }) => inScope.test(name) && (only === undefined || name.startsWith(only)));
  const dataDir = mkdtempSync(join(tmpdir(), "controllers-"));
  const cluster = await startCluster({ dataDir, prepare: preparePictures });
  const results = new Map<string, string | undefined>();
  try {
    const waiting = scenarios.values();
    const work = async (): Promise<void> => {
      for (const scenario of waiting) results.set(scenario.name, await play(cluster, scenario).catch(String));
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  } finally {
    await cluster.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
  for (const { name } of scenarios) {
    const why = differences[name];
    t.test(name, why === undefined ? {} : { todo: why }, async (t) => {
      t.equal(results.get(name) ?? "", "", "the namespace looks as recorded after each step");
    });
  }
}
