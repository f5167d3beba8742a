// Watchers of three masters while the leader is killed, masters are restarted and the history is compacted: each one's
// stream is the store's history, by revision.
import t from "tap";
import type { ConfigMap } from "@triarch/api";
import { prefixEnd, utf8, utf8Text } from "@triarch/base";
import { type BalancedKubeClient, resourceRefs } from "@triarch/client";
import { EventType, type Event } from "@triarch/etcd-proto";
import { rpcs, type EtcdConnection } from "../support/etcd/rpc.ts";
import { ThreeMasters } from "../support/three-masters.ts";
import { until } from "../support/until.ts";
import { ApiWatcher } from "./api-watcher.ts";
import { type SeenChange, streamDifferences } from "./stream-check.ts";

const fileTimeoutMs = 300_000;
const namespace = "default";
const prefix = `/registry/configmaps/${namespace}/`;
const writers = 4;
const configMaps = resourceRefs.configMaps;

t.setTimeout(fileTimeoutMs);

/** Puts, changes and deletes a few objects again and again. What fails, fails: the store's history says what was done. */
async function write(id: number, client: BalancedKubeClient, count: () => void, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n += 1) {
    const name = `w${id}-${n % 7}`;
    const key = { namespace, name };
    const data = { a: `${n}` };
    const put = client.create<ConfigMap>(configMaps, { metadata: { name, namespace }, data });
    await put.catch(() => client.patch(configMaps, key, { data }, { type: "merge" })).catch(() => undefined);
    if (n % 5 === 4) await client.delete(configMaps, key).catch(() => undefined);
    count();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Changes in `(after, last]`, as one member's store has them. */
async function historyOf(connection: EtcdConnection, after: number, last: number): Promise<readonly SeenChange[]> {
  const history: SeenChange[] = [];
  const done = Promise.withResolvers<void>();
  const stream = connection.stream(
    rpcs.watch,
    ({ events, header, created, canceled, cancelReason }) => {
      if (canceled) done.reject(new Error(`the history's watch was cancelled: ${cancelReason}`));
      history.push(...events.map(changeOf));
      const reached = events.at(-1)?.kv?.modRevision ?? (created ? 0 : (header?.revision ?? 0));
      if (reached >= last) done.resolve();
    },
    (error) => done.reject(error ?? new Error("the history's watch ended")),
  );
  const key = utf8(prefix);
  const late = setTimeout(() => done.reject(new Error(`the history up to ${last} did not come`)), 20_000);
  try {
    stream.send({
      createRequest: {
        ...{ key, rangeEnd: prefixEnd(key), startRevision: after + 1, prevKv: false },
        ...{ progressNotify: true, filters: [], watchId: 0, fragment: false },
      },
    });
    stream.send({ progressRequest: {} });
    await done.promise;
  } finally {
    clearTimeout(late);
    stream.destroy();
  }
  return history.filter(({ revision }) => revision <= last);
}

function changeOf({ type, kv }: Event): SeenChange {
  const name = utf8Text(kv?.key ?? new Uint8Array(0)).slice(prefix.length);
  const revision = kv?.modRevision ?? 0;
  if (type === EventType.delete) return { type: "delete", name, revision, value: "" };
  const { data } = JSON.parse(utf8Text(kv?.value ?? new Uint8Array(0))) as { readonly data?: { readonly a?: string } };
  return { type: "put", name, revision, value: data?.a ?? "" };
}

t.test("each stream is the store's history", { timeout: fileTimeoutMs }, async (t) => {
  const masters = await ThreeMasters.start(t);
  const client = masters.client("writer");
  const stop = new AbortController();
  const stopWriters = new AbortController();
  t.teardown(async () => {
    stopWriters.abort();
    stop.abort();
    await client.close();
  });
  const begin = await client.list<ConfigMap>(configMaps, { namespace });
  const start = Number(begin.metadata?.resourceVersion);
  const watchers = [0, 1, 2].map(
    (master) => new ApiWatcher(`from m${master + 1}`, masters.access, { master, revision: start }),
  );
  const sleeper = new ApiWatcher("sleeper", masters.access, { master: 0, revision: start });
  const napper = new ApiWatcher("napper", masters.access, { master: 0, revision: start });
  const all = [...watchers, napper, sleeper];
  const running = all.map((watcher) => watcher.run(stop.signal));
  let writes = 0;
  const writing = Array.from({ length: writers }, (_, id) =>
    write(id, client, () => (writes += 1), stopWriters.signal),
  );
  const progress = async (what: string): Promise<void> => {
    const from = writes;
    await until(`writes ${what}`, 60_000, async () => (writes >= from + 60 ? true : undefined));
  };
  const revisionNow = async (): Promise<number> =>
    Number((await client.list<ConfigMap>(configMaps, { namespace })).metadata?.resourceVersion);
  const history: SeenChange[] = [];
  const keepHistory = async (): Promise<number> => {
    const last = await revisionNow();
    const after = history.at(-1)?.revision ?? start;
    history.push(...(await historyOf(masters.etcd(await masters.leader()), after, last)));
    return last;
  };

  await progress("before");
  const killed = await masters.leader();
  await masters.kill(killed);
  await progress("after the leader was killed");
  await masters.start(killed);
  const stopped = (killed + 1) % 3;
  napper.pause();
  await masters.stop(stopped);
  await progress("after a master was stopped");
  await masters.start(stopped);
  // Its cache began after what this one missed: that comes from the store's history.
  napper.resumeAt(stopped);
  running.push(napper.run(stop.signal));

  sleeper.pause();
  await progress("while one sleeps");
  await until("the others to be past the compaction", 30_000, async () => {
    const last = history.at(-1)?.revision ?? (await keepHistory());
    return [...watchers, napper].every(({ revision }) => revision >= last) ? true : undefined;
  });
  await masters.etcd(await masters.leader()).unary(rpcs.compact, { revision: await keepHistory(), physical: false });
  await progress("after the compaction");
  // A master that starts now has no memory of what was before.
  const fresh = ((await masters.leader()) + 1) % 3;
  await masters.stop(fresh);
  await masters.start(fresh);
  sleeper.resumeAt(fresh);
  running.push(sleeper.run(stop.signal));
  await progress("after it woke");
  await masters.kill(await masters.leader());
  await progress("after another leader was killed");

  stopWriters.abort();
  await Promise.all(writing);
  // The last change is one that every watcher sees.
  const marker = await client.create<ConfigMap>(configMaps, { metadata: { name: "the-end", namespace } });
  const end = Number(marker.metadata?.resourceVersion);
  await until(
    "every watcher to be at the end",
    60_000,
    async () => all.every(({ revision }) => revision >= end) || undefined,
  );
  await keepHistory();
  stop.abort();
  await Promise.all(running);

  for (const watcher of all) {
    const lines = streamDifferences(watcher.told, history, { start, end });
    t.same(lines.slice(0, 20), [], `${watcher.name}: ${watcher.told.length} told, masters ${watcher.visited.join()}`);
  }
  const connections = all.flatMap(({ visited }) => visited).length;
  t.ok(connections >= all.length + 4, `${connections} connections: streams broke and went on`);
  t.equal(sleeper.lists, 1, "who slept across the compaction was told so, once, and began anew");
  t.same(
    [...watchers, napper].map(({ lists }) => lists),
    [0, 0, 0, 0],
    "nobody else was",
  );
  t.comment(`${history.length} changes`);
});
