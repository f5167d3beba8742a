// Forms of answers: what a watch and a view can be asked for as, and what is refused.
import t from "tap";
import { request } from "undici";
import { decodeProtobuf, type JsonObject } from "@triarch/api";
import { configMap, startTestServer, token } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());
const { call, url, agent } = server;
const maps = "/api/v1/namespaces/default/configmaps";
const meta = "g=meta.k8s.io;v=v1";

/** A watch from the start that is over after a second. */
async function watched(accept: string, query = "resourceVersion=0", path = maps) {
  const answer = await request(`${url}${path}?watch=1&timeoutSeconds=1&${query}`, {
    dispatcher: agent,
    headers: { authorization: `Bearer ${token}`, accept },
  });
  return {
    statusCode: answer.statusCode,
    contentType: answer.headers["content-type"],
    body: Buffer.from(await answer.body.arrayBuffer()),
  };
}

const linesOf = (body: Buffer): readonly JsonObject[] =>
  body
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonObject);

/** The types and objects of frames, read by hand. */
function framesOf(body: Buffer): readonly { readonly type: string; readonly object: JsonObject }[] {
  const frames: { type: string; object: JsonObject }[] = [];
  for (let at = 0; at < body.length;) {
    const size = body.readUInt32BE(at);
    const event = body.subarray(at + 4, at + 4 + size);
    at += 4 + size;
    const typeLength = event[1] ?? 0;
    const start = event.indexOf("k8s\0");
    frames.push({
      type: event.subarray(2, 2 + typeLength).toString(),
      object: decodeProtobuf(event.subarray(start)).object,
    });
  }
  return frames;
}

await call("POST", maps, configMap("one"));

t.test("a watch in protobuf is a row of frames", async (t) => {
  const accept = "application/vnd.kubernetes.protobuf;stream=watch";
  const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const { contentType, body } = await watched(accept, query);
  t.equal(contentType, "application/vnd.kubernetes.protobuf;stream=watch");
  const one = (await call("GET", `${maps}/one`)).body;
  const frames = framesOf(body);
  t.same(frames[0], { type: "ADDED", object: one });
  t.match(frames.at(-1), {
    type: "BOOKMARK",
    object: { kind: "ConfigMap", metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
  });
  const metadata = framesOf((await watched(`${accept};as=PartialObjectMetadata;${meta}`)).body);
  t.match(metadata[0], { type: "ADDED", object: { kind: "PartialObjectMetadata", metadata: { name: "one" } } });
  const late = framesOf((await watched(accept, "resourceVersion=1")).body);
  t.ok(late.some(({ type }) => type === "ADDED" || type === "ERROR"));
});

t.test("views of a watch in JSON", async (t) => {
  const [metadata] = linesOf((await watched(`application/json;as=PartialObjectMetadata;${meta}`)).body);
  t.match(metadata, {
    type: "ADDED",
    object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: { name: "one" } },
  });
  const old = "application/json;as=Table;g=meta.k8s.io;v=v1beta1";
  const [table] = linesOf((await watched(old)).body);
  t.match(table, { object: { kind: "Table", apiVersion: "meta.k8s.io/v1beta1", rows: [{ cells: ["one", 1] }] } });

  const events = "/apis/events.k8s.io/v1/namespaces/default/events";
  const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const [bookmark] = linesOf((await watched("application/json", query, events)).body);
  t.match(bookmark, { type: "BOOKMARK", object: { kind: "Event", apiVersion: "events.k8s.io/v1" } });
});

t.test("what cannot be given is refused, or the next best is", async (t) => {
  t.match(await watched("application/yaml"), { statusCode: 406, body: /application\/json;stream=watch, / });
  t.equal((await watched("application/yaml, application/json;q=0.5")).contentType, "application/json");
  const get = (path: string, accept: string) => call("GET", path, undefined, { accept });
  t.equal((await get(maps, `application/vnd.kubernetes.protobuf;as=Table;${meta}`)).statusCode, 406);
  const fallback = `application/vnd.kubernetes.protobuf;as=Table;${meta},application/json;as=Table;${meta}`;
  t.match(await get(maps, fallback), { statusCode: 200, body: { kind: "Table" } });
  const unknown = "application/json;as=Table;g=meta.k8s.io;v=v2,application/json";
  t.match(await get(maps, unknown), { statusCode: 200, body: { kind: "ConfigMapList" } });
  t.equal((await get(maps, "application/json;as=Chart;g=meta.k8s.io;v=v1")).statusCode, 406);

  t.match(await get(maps, `application/json;as=PartialObjectMetadata;${meta}`), {
    statusCode: 406,
    body: { message: "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)" },
  });
  t.match(await get(`${maps}/one`, `application/json;as=PartialObjectMetadataList;${meta}`), {
    statusCode: 406,
    body: { message: /the requested object is not a list \(\*core\.ConfigMap\)/ },
  });
  t.match(await get(`${maps}?includeObject=Some`, `application/json;as=Table;${meta}`), {
    statusCode: 400,
    body: { message: /includeObject: Invalid value: "Some": must be 'Metadata', 'Object', 'None', or empty/ },
  });
  const whole = await get(`${maps}/one?includeObject=Object`, `application/json;as=Table;${meta}`);
  t.match(whole.body, { rows: [{ object: { kind: "ConfigMap", data: { a: "1" } } }] });
});
