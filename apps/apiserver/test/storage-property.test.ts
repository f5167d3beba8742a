// Any interleaving of writes, lists and watches on two API servers, against a slow and obvious twin: the store's own
// history. A watch from revision N with a selector must show exactly what that history says, also across slow readers
// and resumption on the other server; a list must equal the store at the list's revision.
import t from "tap";
import { seededRng, utf8Text, type Rng } from "@triarch/base";
import type { JsonObject } from "@triarch/api";
import type { MemoryStore, StoreEvent } from "@triarch/etcd-server";
import { StorageError, type ResourceStore, type Selection, type WatchEvent } from "../src/storage/index.ts";
import { configMap, configMaps, field, label, openFixture, Recorder, settle } from "./storage-fixture.ts";

const runs = 30;
const steps = 120;
const prefix = "/registry/configmaps/";

interface Client {
  readonly selection: Selection;
  readonly from: number;
  /** One per connection; the next resumes after the last event of the one before. */
  readonly connections: Recorder[];
}

t.test("watches show the store's history, lists its state", async (t) => {
  for (let seed = 1; seed <= runs; seed++) {
    const problem = await run(seededRng(seed), seed);
    t.equal(problem, undefined, `seed ${seed}`);
  }
});

async function run(rng: Rng, seed: number): Promise<string | undefined> {
  const ringLimits = { eventsMin: 4 + rng.int(40), eventsMax: 400, bytesMax: 1 << 20, freshMs: 0 };
  const { store, resources, another, close } = openFixture({ ringLimits, watchBufferEventsMax: 2 + rng.int(30) });
  const history: StoreEvent[] = [];
  store.watch(prefix, 1, {
    onEvents: (events) => history.push(...events),
    onProgress: () => undefined,
    onEnd: () => undefined,
  });
  let servers = [resources, another()];
  const clients: Client[] = [];
  const running: Promise<unknown>[] = [];
  let problem: string | undefined;
  try {
    for (let step = 0; step < steps && problem === undefined; step++) {
      const server = servers[rng.int(servers.length)] as ResourceStore;
      const action = rng.int(20);
      if (action < 11) running.push(write(server, rng));
      else if (action < 14) clients.push(connect(server, rng, await store.readBarrier()));
      else if (action < 16) problem = await checkList(server, store, rng);
      else if (action === 16) stall(rng, clients);
      else if (action === 17) servers = [servers[1] as ResourceStore, another()];
      else if (action === 18) await Promise.all(running.splice(0));
      else await settle(1);
      reconnect(clients, servers, rng);
    }
    await Promise.all(running);
    for (let round = 0; round < 200; round++) {
      for (const client of clients) flow(client);
      reconnect(clients, servers, rng);
      await settle(2);
      if (clients.every((client) => received(client).length >= expected(history, client).length)) break;
    }
    await settle();
    for (const [i, client] of clients.entries()) {
      const got = received(client).map(describe);
      const want = expected(history, client);
      if (JSON.stringify(got) !== JSON.stringify(want)) {
        problem ??= `seed ${seed}, watch ${i} from ${client.from}: got\n${got.join("\n")}\nwant\n${want.join("\n")}`;
      }
    }
    return problem;
  } finally {
    await close();
  }
}

function write(server: ResourceStore, rng: Rng): Promise<unknown> {
  const key = { namespace: rng.int(2) === 0 ? "x" : "y", name: `o${rng.int(6)}` };
  const object: JsonObject = {
    ...configMap(key.namespace, key.name, { labels: { color: rng.int(2) === 0 ? "red" : "blue" } }),
    data: { n: String(rng.int(1_000)) },
  };
  const ignore = (error: unknown): void => {
    if (!(error instanceof StorageError) || error.failure.code !== "notFound") throw error;
  };
  if (rng.int(4) === 0) return server.delete(configMaps, key).catch(ignore);
  return server.update(configMaps, key, () => ({ kind: "put", object }), { createIfAbsent: true });
}

function connect(server: ResourceStore, rng: Rng, revision: number): Client {
  const selections: Selection[] = [
    {},
    { namespace: "x" },
    { labelSelector: label("color", "red") },
    { namespace: "y", labelSelector: label("color", "blue") },
    { fieldSelector: field("metadata.name", "o1") },
  ];
  const selection = selections[rng.int(selections.length)] as Selection;
  const from = 1 + rng.int(revision);
  return {
    selection,
    from,
    connections: [Recorder.on(server, configMaps, { ...selection, resourceVersion: String(from) })],
  };
}

/** A sink that takes little and then waits, possibly until its watch is ended. */
function stall(rng: Rng, clients: readonly Client[]): void {
  const connection = clients[rng.int(clients.length || 1)]?.connections.at(-1);
  if (connection !== undefined) connection.roomFor = 1 + rng.int(3);
}

function flow({ connections }: Client): void {
  const connection = connections.at(-1);
  if (connection === undefined || connection.ended !== undefined) return;
  connection.roomFor = Infinity;
  connection.subscription?.resume();
}

function reconnect(clients: readonly Client[], servers: readonly ResourceStore[], rng: Rng): void {
  for (const client of clients) {
    const end = client.connections.at(-1)?.ended;
    if (end === undefined) continue;
    if (end.kind !== "tooSlow") throw new Error(`a watch ended with ${JSON.stringify(end)}`);
    const last = received(client).at(-1);
    const resourceVersion = String(last?.kind === "object" ? last.object.modRevision : client.from);
    const server = servers[rng.int(servers.length)] as ResourceStore;
    client.connections.push(Recorder.on(server, configMaps, { ...client.selection, resourceVersion }));
  }
}

function received({ connections }: Client): WatchEvent[] {
  return connections.flatMap((connection) => connection.events);
}

function describe(event: WatchEvent): string {
  return utf8Text(event.line()).trim();
}

/** The twin: each change in turn, judged by the two states around it. */
function expected(history: readonly StoreEvent[], { selection, from }: Client): string[] {
  const lines: string[] = [];
  for (const { kind, row, previous } of history) {
    if (row.modRevision <= from) continue;
    const after = kind === "put" ? parse(row.value) : undefined;
    const before = previous === undefined ? undefined : parse(previous.value);
    const isIn = after !== undefined && picks(selection, after);
    const wasIn = before !== undefined && picks(selection, before);
    const type = isIn ? (wasIn ? "MODIFIED" : "ADDED") : wasIn ? "DELETED" : undefined;
    if (type === undefined) continue;
    const { metadata, kind: k, apiVersion, ...rest } = (isIn ? after : before) as JsonObject;
    const versioned = { resourceVersion: String(row.modRevision), ...(metadata as JsonObject) };
    lines.push(JSON.stringify({ type, object: { kind: k, apiVersion, metadata: versioned, ...rest } }));
  }
  return lines;
}

function parse(value: Uint8Array): JsonObject {
  return JSON.parse(utf8Text(value)) as JsonObject;
}

function picks({ namespace, labelSelector, fieldSelector }: Selection, object: JsonObject): boolean {
  const metadata = object["metadata"] as { name: string; namespace: string; labels: Record<string, string> };
  return (
    (namespace === undefined || metadata.namespace === namespace) &&
    (labelSelector === undefined || labelSelector.matches(metadata.labels)) &&
    (fieldSelector === undefined || fieldSelector.matches({ "metadata.name": metadata.name }))
  );
}

async function checkList(server: ResourceStore, store: MemoryStore, rng: Rng): Promise<string | undefined> {
  const before = await store.readBarrier();
  const limit = rng.int(3) === 0 ? 1 + rng.int(4) : 0;
  const items: string[] = [];
  let token: string | undefined;
  let resourceVersion = "";
  do {
    const page = await server.list(configMaps, { limit, continue: token });
    if (resourceVersion !== "" && page.resourceVersion !== resourceVersion) return "pages of different revisions";
    resourceVersion = page.resourceVersion;
    items.push(...page.items.map((item) => `${item.namespace}/${item.name}@${item.modRevision}`));
    token = page.continue;
  } while (token !== undefined);
  if (Number(resourceVersion) < before) return `a list at ${resourceVersion}, after a write at ${before}`;
  const { rows } = await store.list(prefix, { revision: Number(resourceVersion) });
  const want = rows.map((row) => `${row.key.slice(prefix.length)}@${row.modRevision}`);
  return JSON.stringify(items) === JSON.stringify(want) ? undefined : `list ${items.join()} is not ${want.join()}`;
}
