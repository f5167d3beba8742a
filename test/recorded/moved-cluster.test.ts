// A real cluster moves in: the snapshot of its store is restored, and each object that its API server served is served as
// it was, uid and resourceVersion included.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { isObject, type JsonObject, listAt, objectAt } from "@triarch/api";
import { adminToken, standaloneMaster, startApiServer } from "@triarch/apiserver";
import { restoreIntoDataDir } from "@triarch/etcd-server";
import { request } from "undici";
import { recordedFolder, recordedMissing } from "./conversations.ts";

const token = "sesame";
/** Objects that are not served as they were, by the start of their path. */
const notServed: readonly { readonly path: string; readonly reason: string }[] = [
  { path: "/apis/stable.example.com/", reason: "custom resources are not served yet" },
  { path: "/api/v1/componentstatuses/", reason: "they are the state of the components of now, in our words" },
];

interface Served {
  readonly path: string;
  readonly object: JsonObject;
}

t.test("a real cluster moves in", { skip: recordedMissing, timeout: 55_000 }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "moved-cluster-"));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const options = await standaloneMaster({
    ...{ dataDir, port: 0, token, secure: false, serviceCidr: "10.96.0.0/16", logLevels: "silent" },
  });
  await restoreIntoDataDir({
    file: join(recordedFolder, "cluster/snapshot.db"),
    dataDir: options.dataDir,
    members: options.initialCluster.map(({ name, peerUrl }) => ({ name, peerUrls: [peerUrl] })),
    clusterToken: options.clusterToken,
    bumpRevision: 0,
  });
  const master = await startApiServer({ ...options, tokens: [adminToken(token)] });
  t.teardown(() => master.close());
  const url = `http://127.0.0.1:${master.addresses[0]?.port}`;
  const get = async (path: string): Promise<JsonObject> => {
    const answer = await request(url + path, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.body.json().catch(() => ({}))) as JsonObject;
  };

  const lines = (await readFile(join(recordedFolder, "cluster/objects.jsonl"), "utf8")).split("\n");
  const objects = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Served);
  t.ok(objects.length > 200);
  const expected = objects.filter(({ path }) => !notServed.some((one) => path.startsWith(one.path)));
  for (const { path, reason } of notServed) {
    t.comment(`${objects.filter((one) => one.path.startsWith(path)).length} objects left out: ${reason}`);
  }
  for (const { path, object } of expected) t.same(await get(path), object, path);

  await t.test("and lists show the same objects", async (t) => {
    const collections = new Set(expected.map(({ path }) => path.slice(0, path.lastIndexOf("/"))));
    for (const collection of collections) {
      const wanted = expected.filter(({ path }) => path.slice(0, path.lastIndexOf("/")) === collection);
      const found = listAt(await get(collection), "items").filter(isObject);
      const byName = new Map(found.map((item) => [objectAt(item, "metadata")?.["name"], item]));
      for (const { object } of wanted) {
        const { kind: _kind, apiVersion: _apiVersion, ...item } = object;
        t.same(byName.get(objectAt(object, "metadata")?.["name"]), item, collection);
      }
    }
  });
});
