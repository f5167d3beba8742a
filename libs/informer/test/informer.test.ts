import t from "tap";
import { seededRng, systemClock } from "@triarch/base";
import type { ConfigMap, Status } from "@triarch/api";
import {
  ApiError,
  resourceRefs,
  type KubeClient,
  type ListOptions,
  type WatchEvent,
  type WatchOptions,
} from "@triarch/client";
import { createInformer, type InformerEvent } from "@triarch/informer";

function map(name: string, resourceVersion: string, uid = name): ConfigMap {
  return { metadata: { name, namespace: "ns", resourceVersion, uid } };
}

const expired: Status = { kind: "Status", code: 410, reason: "Expired", message: "too old" };

/** An API whose lists and watches are scripted; a watch script that ends lets the next one start. */
function scripted(lists: ConfigMap[][], watches: (WatchEvent<ConfigMap>[] | Error)[]) {
  const watchedFrom: (string | undefined)[] = [];
  const finished = Promise.withResolvers<void>();
  const client = {
    list: async (_: unknown, options: ListOptions) => {
      const items = lists.length > 1 ? lists.shift() : lists[0];
      const half = options.continue === undefined && (items?.length ?? 0) > 2;
      if (half) lists.unshift(items?.slice(2) ?? []);
      return {
        metadata: { resourceVersion: "10", ...(half ? { continue: "c" } : {}) },
        items: half ? items?.slice(0, 2) : items,
      };
    },
    watch: async function* (_: unknown, options: WatchOptions) {
      watchedFrom.push(options.resourceVersion);
      const script = watches.shift();
      if (script === undefined) {
        finished.resolve();
        await new Promise((resolve) => options.signal?.addEventListener("abort", resolve));
      } else if (script instanceof Error) throw script;
      else yield* script;
    },
  } as unknown as KubeClient;
  return { client, watchedFrom, finished: finished.promise };
}

async function run(api: ReturnType<typeof scripted>, t: { teardown(fn: () => void): void }) {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const events: string[] = [];
  const informer = createInformer<ConfigMap>({
    client: api.client,
    ref: resourceRefs.configMaps,
    clock: systemClock,
    rng: seededRng(1),
    indexers: { uid: (object) => [object.metadata?.uid ?? ""] },
  });
  informer.onChange((event: InformerEvent<ConfigMap>) => {
    events.push(`${event.type} ${event.object.metadata?.name} ${event.object.metadata?.resourceVersion}`);
  });
  await informer.start(stop.signal);
  await api.finished;
  return { informer, events };
}

t.test("pages are joined; a broken watch goes on from the last revision, bookmarks included", async (t) => {
  const api = scripted(
    [[map("a", "1"), map("b", "2"), map("c", "3")]],
    [
      [
        { type: "MODIFIED", object: map("a", "11") },
        { type: "BOOKMARK", object: { metadata: { resourceVersion: "15" } } },
      ],
      new Error("connection reset"),
      [{ type: "DELETED", object: map("b", "16") }],
    ],
  );
  const { informer, events } = await run(api, t);
  t.same(events, ["added a 1", "added b 2", "added c 3", "updated a 11", "deleted b 16"]);
  t.same(api.watchedFrom, ["10", "15", "15", "16"]);
  t.same(informer.lister.byIndex("uid", "c").length, 1);
  t.same(informer.lister.byIndex("namespace", "ns").length, 2);
});

t.test("410 relists and tells the difference, a replaced object as deleted and added", async (t) => {
  const api = scripted(
    [
      [map("a", "1"), map("b", "2")],
      [map("b", "12", "other"), map("c", "13")],
    ],
    [[{ type: "ERROR", object: expired }]],
  );
  const { events } = await run(api, t);
  t.same(events.slice(2), ["deleted a 1", "deleted b 2", "added b 12", "added c 13"]);
});

t.test("410 as the answer of the watch request relists too", async (t) => {
  const api = scripted([[map("a", "1")], [map("a", "1"), map("z", "20")]], [new ApiError(410, expired)]);
  const { events } = await run(api, t);
  t.same(events, ["added a 1", "added z 20"]);
});
