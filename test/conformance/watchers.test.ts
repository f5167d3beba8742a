// Watches of ConfigMaps by label.
import type { JsonObject } from "@triarch/api";
import type { Test } from "tap";
import type { ApiClient } from "./api-client.ts";
import { conformance } from "./conformance.ts";
import type { WatchStream } from "./watch-stream.ts";

const label = "watch-this-configmap";
const collection = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;
const object = (name: string, value: string): JsonObject => ({
  ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { [label]: value } } },
});
const versionOf = (one: JsonObject): string =>
  (one["metadata"] as { readonly resourceVersion: string }).resourceVersion;
const selecting = (...values: readonly string[]) => ({ labelSelector: `${label} in (${values.join(",")})` });

function sameEvent(
  t: Test,
  event: { readonly type: string; readonly object: JsonObject },
  type: string,
  wanted: JsonObject,
): void {
  t.equal(event.type, type);
  const { apiVersion, kind, ...rest } = event.object;
  t.match([apiVersion, kind], ["v1", "ConfigMap"]);
  const { metadata, data } = wanted;
  t.match(rest, { metadata: { name: (metadata as JsonObject)["name"] }, ...(data === undefined ? {} : { data }) });
}

async function closing(watches: readonly WatchStream[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    for (const watch of watches) watch.close();
  }
}

async function notifications(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = collection(namespace);
  const [a, b, both] = [
    await api.watch(path, selecting("A")),
    await api.watch(path, selecting("B")),
    await api.watch(path, selecting("A", "B")),
  ];
  await closing([a, b, both], async () => {
    const expect = async (type: string, wanted: JsonObject, ...watches: readonly WatchStream[]): Promise<void> => {
      for (const watch of watches) sameEvent(t, await watch.next(), type, wanted);
    };
    let one = await api.create(path, object("a", "A"));
    await expect("ADDED", one, a, both);
    for (const mutation of ["1", "2"]) {
      one = await api.update(`${path}/a`, { ...one, data: { mutation } });
      await expect("MODIFIED", one, a, both);
    }
    await api.delete(`${path}/a`);
    await expect("DELETED", one, a, both);
    const other = await api.create(path, object("b", "B"));
    await expect("ADDED", other, b, both);
    await api.delete(`${path}/b`);
    await expect("DELETED", other, b, both);
    // What the watch of A did not see: the next event it gets is of an object made after all that.
    await expect("ADDED", await api.create(path, object("last", "A")), a);
  });
}

async function fromVersion(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = collection(namespace);
  const made = await api.create(path, object("c", "specific"));
  const first = await api.update(`${path}/c`, { ...made, data: { mutation: "1" } });
  const second = await api.update(`${path}/c`, { ...first, data: { mutation: "2" } });
  await api.delete(`${path}/c`);
  const watch = await api.watch(path, { ...selecting("specific"), resourceVersion: versionOf(first) });
  await closing([watch], async () => {
    sameEvent(t, await watch.next(), "MODIFIED", second);
    sameEvent(t, await watch.next(), "DELETED", second);
  });
}

async function restarted(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = collection(namespace);
  const watch = await api.watch(path, selecting("restarted"));
  const made = await api.create(path, object("r", "restarted"));
  const first = await api.update(`${path}/r`, { ...made, data: { mutation: "1" } });
  let last = "";
  await closing([watch], async () => {
    sameEvent(t, await watch.next(), "ADDED", made);
    const event = await watch.next();
    sameEvent(t, event, "MODIFIED", first);
    last = versionOf(event.object);
  });
  const second = await api.update(`${path}/r`, { ...first, data: { mutation: "2" } });
  await api.delete(`${path}/r`);
  const again = await api.watch(path, { ...selecting("restarted"), resourceVersion: last });
  await closing([again], async () => {
    sameEvent(t, await again.next(), "MODIFIED", second);
    sameEvent(t, await again.next(), "DELETED", second);
  });
}

async function selectorTransitions(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = collection(namespace);
  const watch = await api.watch(path, selecting("mine"));
  const relabelled = (one: JsonObject, value: string, mutation: string): JsonObject => ({
    ...one,
    metadata: { ...(one["metadata"] as JsonObject), labels: { [label]: value } },
    data: { mutation },
  });
  await closing([watch], async () => {
    const made = await api.create(path, object("s", "mine"));
    const first = await api.update(`${path}/s`, { ...made, data: { mutation: "1" } });
    const away = await api.update(`${path}/s`, relabelled(first, "other", "1"));
    sameEvent(t, await watch.next(), "ADDED", made);
    sameEvent(t, await watch.next(), "MODIFIED", first);
    sameEvent(t, await watch.next(), "DELETED", first);
    const hidden = await api.update(`${path}/s`, { ...away, data: { mutation: "2" } });
    const back = await api.update(`${path}/s`, relabelled(hidden, "mine", "2"));
    sameEvent(t, await watch.next(), "ADDED", back);
    const third = await api.update(`${path}/s`, { ...back, data: { mutation: "3" } });
    sameEvent(t, await watch.next(), "MODIFIED", third);
    await api.delete(`${path}/s`);
    sameEvent(t, await watch.next(), "DELETED", third);
  });
}

/** Writers go on while watches start at each version that one has seen; all must see the same from there on. */
async function sameOrder(t: Test, api: ApiClient, namespace: string): Promise<void> {
  const path = collection(namespace);
  const writes = 60;
  const { metadata } = await api.get(path);
  const start = (metadata as { readonly resourceVersion: string }).resourceVersion;
  const first = await api.watch(path, { resourceVersion: start });
  const versions: string[] = [];
  await closing([first], async () => {
    const writing = (async () => {
      for (let i = 0; i < writes; i++) {
        const name = `w${i % 7}`;
        const there = (await api.call("GET", `${path}/${name}`)).code === 200;
        if (!there) await api.create(path, object(name, "w"));
        else if (i % 3 === 0) await api.delete(`${path}/${name}`);
        else await api.patch(`${path}/${name}`, { data: { i: String(i) } });
      }
    })();
    for (let i = 0; i < writes; i++) versions.push(versionOf((await first.next()).object));
    await writing;
  });
  t.same(
    [...versions].sort((left, right) => Number(left) - Number(right)),
    versions,
    "versions grow",
  );
  for (let from = 0; from < writes; from++) {
    const watch = await api.watch(path, { resourceVersion: versions[from] ?? "" });
    await closing([watch], async () => {
      const seen: string[] = [];
      while (seen.length < writes - from - 1) seen.push(versionOf((await watch.next()).object));
      t.same(seen, versions.slice(from + 1), `the same from event ${from} on`);
    });
  }
}

await conformance(import.meta.filename, {
  Watchers: [
    { name: "should observe add, update, and delete watch notifications on configmaps", steps: notifications },
    { name: "should be able to start watching from a specific resource version", steps: fromVersion },
    {
      name: "should be able to restart watching from the last resource version observed by the previous watch",
      steps: restarted,
    },
    {
      name: "should observe an object deletion if it stops meeting the requirements of the selector",
      steps: selectorTransitions,
    },
    { name: "should receive events on concurrent watches in same order", steps: sameOrder },
  ],
});
