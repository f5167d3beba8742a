// All three masters are stopped and started in turn, as an upgrade does it, while clients of the load balancer write and
// read as fast as they can: no request fails, none is lost, none is made twice.
import { setImmediate as turn } from "node:timers/promises";
import t from "tap";
import type { ConfigMap } from "@triarch/api";
import { seededRng, systemClock } from "@triarch/base";
import { createInformer } from "@triarch/informer";
import { resourceRefs, type BalancedKubeClient } from "@triarch/client";
import { silentLogger } from "@triarch/telemetry";
import { ThreeMasters } from "../support/three-masters.ts";
import { until } from "../support/until.ts";

const namespace = "default";
const fileTimeoutMs = 240_000;
const workers = 8;
/** Past it the load gives up: one look says enough. */
const failuresMax = 50;
const configMaps = resourceRefs.configMaps;

interface Load {
  readonly failures: string[];
  /** Name to the value that was acknowledged last; undefined: it was deleted. */
  readonly expected: Map<string, string | undefined>;
  requests: number;
}

/** Creates, reads, updates, patches and deletes, and keeps account. */
async function work(id: number, client: BalancedKubeClient, load: Load, signal: AbortSignal): Promise<void> {
  const attempt = async <T>(what: string, request: () => Promise<T>): Promise<T | undefined> => {
    load.requests += 1;
    try {
      return await request();
    } catch (error) {
      load.failures.push(`${what}: ${String(error)}`);
      return undefined;
    }
  };
  for (let n = 0; !signal.aborted && load.failures.length < failuresMax; n += 1) {
    const name = `w${id}-${n}`;
    const key = { namespace, name };
    const made = await attempt(`create ${name}`, () =>
      client.create<ConfigMap>(configMaps, { metadata: { name, namespace }, data: { a: "1" } }),
    );
    if (made === undefined) {
      await turn();
      continue;
    }
    load.expected.set(name, "1");
    await attempt(`get ${name}`, () => client.get<ConfigMap>(configMaps, key));
    const updated = await attempt(`update ${name}`, () => client.update(configMaps, { ...made, data: { a: "2" } }));
    if (updated !== undefined) load.expected.set(name, "2");
    const merge = { type: "merge" } as const;
    const patched = await attempt(`patch ${name}`, () => client.patch(configMaps, key, { data: { a: "3" } }, merge));
    if (patched !== undefined) load.expected.set(name, "3");
    if (n % 3 !== 0) continue;
    await attempt(`delete ${name}`, () => client.delete(configMaps, key));
    load.expected.set(name, undefined);
    await turn();
  }
}

t.setTimeout(fileTimeoutMs);

t.test("a rolling restart of all masters under load", { timeout: fileTimeoutMs }, async (t) => {
  const masters = await ThreeMasters.start(t);
  const client = masters.client("load");
  const stop = new AbortController();
  t.teardown(async () => {
    stop.abort();
    await client.close();
  });
  const rng = seededRng(3);
  const informer = createInformer<ConfigMap>({
    client,
    ref: configMaps,
    clock: systemClock,
    rng,
    logger: silentLogger,
  });
  const seen = new Map<string, string[]>();
  informer.onChange((event) => {
    const name = event.object.metadata?.name ?? "";
    const states = seen.get(name) ?? [];
    states.push(event.type === "deleted" ? "-" : (event.object.data?.["a"] ?? ""));
    seen.set(name, states);
  });
  await informer.start(stop.signal);

  const load: Load = { failures: [], expected: new Map(), requests: 0 };
  const ended = new AbortController();
  const running = Array.from({ length: workers }, (_, id) => work(id, client, load, ended.signal));
  const progress = async (what: string): Promise<void> => {
    const from = load.requests;
    await until(`requests ${what}`, 30_000, async () => (load.requests > from + 100 ? true : undefined));
  };
  await progress("before");
  const leader = await masters.leader();
  for (const i of [leader, (leader + 1) % 3, (leader + 2) % 3]) {
    const wasLeader = (await masters.leader()) === i;
    await masters.stop(i);
    await progress(`without m${i + 1}`);
    await masters.start(i);
    await progress(`with m${i + 1} back`);
    t.comment(`m${i + 1}${wasLeader ? " (leader)" : ""} restarted, ${load.requests} requests so far`);
  }
  ended.abort();
  await Promise.all(running);

  t.same(load.failures, [], `${load.requests} requests`);
  const list = await client.list<ConfigMap>(configMaps, { namespace });
  const stored = new Map(list.items.map((one) => [one.metadata?.name ?? "", one.data?.["a"]]));
  const wrong = [...load.expected].filter(([name, value]) => stored.get(name) !== value);
  t.same(wrong, [], "what was acknowledged is there");

  const last = (name: string): string | undefined => seen.get(name)?.at(-1);
  await until("the informer to have seen everything", 20_000, async () =>
    [...load.expected].every(([name, value]) => last(name) === (value ?? "-")) ? true : undefined,
  );
  const order = ["1", "2", "3", "-"];
  const jumbled = [...seen].filter(([, states]) =>
    states.some((state, i) => i > 0 && order.indexOf(state) <= order.indexOf(states[i - 1] ?? "")),
  );
  t.same(
    jumbled.filter(([name]) => load.expected.has(name)),
    [],
    "each change came once and in order",
  );
  const gaps = [...load.expected.keys()].filter((name) => seen.get(name)?.slice(0, 3).join() !== "1,2,3");
  t.same(gaps, [], "no change was skipped");
});
