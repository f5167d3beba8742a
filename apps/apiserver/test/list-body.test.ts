// Long lists leave in parts: each form is the same document as if it had been made whole, memory stays bounded, many at
// once share a connection, and a client that stops reading or goes away holds nobody up.
import { once } from "node:events";
import { connect, type ClientHttp2Session } from "node:http2";
import { crc32, gunzipSync } from "node:zlib";
import t from "tap";
import { decodeProtobuf, isObject, type JsonObject, listAt, objectAt } from "@triarch/api";
import { parse as parseYaml } from "yaml";
import { listParts, type ListShape } from "../src/http/list-body.ts";
import { giveBack, joined, listPartBytes } from "../src/http/part-buffers.ts";
import { configMap, startTestServer, testCa, token } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());

const path = "/api/v1/namespaces/default/configmaps";
// A gigabyte passes through here.
t.setTimeout(110_000);

const itemCount = 200;
const filler = "x".repeat(100_000);
const meta = "g=meta.k8s.io;v=v1";

for (let at = 0; at < itemCount; at++) {
  await server.call("POST", path, configMap(`c${String(at).padStart(3, "0")}`, { filler }));
}

function session(): ClientHttp2Session {
  const opened = connect(server.url, { ca: testCa.certificatePem, maxSessionMemory: 1_000 });
  t.teardown(() => opened.destroy());
  return opened;
}

const head = (accept: string) => ({ ":path": path, authorization: `Bearer ${token}`, accept });

t.test("every form of a long list is whole", async (t) => {
  const get = (accept: string) => server.call("GET", path, undefined, { accept });
  const namesOf = (list: JsonObject, field = "items"): readonly unknown[] =>
    listAt(list, field)
      .filter(isObject)
      .map((item) => objectAt(objectAt(item, "object") ?? item, "metadata")?.["name"]);
  const plain = await get("application/json");
  t.match(plain.body, { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: String } });
  t.equal(plain.headers["content-length"], undefined, "its length is not known in front");
  const names = namesOf(plain.body);
  t.equal(names.length, itemCount);
  t.same(parseYaml((await get("application/yaml")).text), plain.body);

  const table = await get(`application/json;as=Table;${meta}`);
  t.match(table.body, { kind: "Table", columnDefinitions: [{ name: "Name" }, { name: "Data" }, { name: "Age" }] });
  t.same(namesOf(table.body, "rows"), names);
  const metadata = await get(`application/json;as=PartialObjectMetadataList;${meta}`);
  t.match(metadata.body, { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" });
  t.same(namesOf(metadata.body), names);

  const protobuf = await protobufOf("application/vnd.kubernetes.protobuf");
  t.same(decodeProtobuf(protobuf).object, plain.body);
  const partial = await protobufOf(`application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;${meta}`);
  t.match(decodeProtobuf(partial), { kind: "PartialObjectMetadataList" });
  t.same(namesOf(decodeProtobuf(partial).object), names);
});

async function protobufOf(accept: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of session().request(head(accept)) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

t.test("parts are about as large as they shall be, and made when they are asked for", async (t) => {
  let made = 0;
  const items = function* (): Generator<JsonObject> {
    for (; made < 100; made++) yield { metadata: { name: String(made) }, filler };
  };
  const shape: ListShape = { head: { kind: "List", apiVersion: "v1", metadata: {} }, field: "items", items: items() };
  const parts = listParts(shape, "json");
  const first = parts.next().value as Uint8Array;
  t.ok(first.length >= listPartBytes && first.length < listPartBytes + 2 * filler.length);
  t.ok(made < 5, `${made} items were made for the first part`);
});

t.test("a part's memory is used again once it has been given back", (t) => {
  const piece = (byte: number): Uint8Array => new Uint8Array(listPartBytes / 2).fill(byte);
  const one = joined([piece(1), piece(2)], listPartBytes);
  const other = joined([piece(3), piece(4)], listPartBytes);
  t.not(one.buffer, other.buffer);
  giveBack(one);
  const again = joined([piece(5), piece(6)], listPartBytes);
  t.equal(again.buffer, one.buffer);
  t.ok(Buffer.concat([piece(5), piece(6)]).equals(again), "whole, and nothing of what was there");
  const large = joined([new Uint8Array(10 * listPartBytes)], 10 * listPartBytes);
  giveBack(large);
  t.not(joined([piece(7), piece(8)], listPartBytes).buffer, large.buffer, "memory of another size is not kept");
  t.end();
});

t.test("50 lists of 20 MB at once on one connection", { timeout: 100_000 }, async (t) => {
  const opened = session();
  const wanted = itemCount * filler.length;
  const read = async () => {
    const stream = opened.request(head("application/json"));
    let sizeBytes = 0;
    let checksum = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      checksum = crc32(chunk, checksum);
    }
    return { sizeBytes, checksum };
  };
  const alone = await read();
  t.ok(alone.sizeBytes > wanted);
  const together = await Promise.all(Array.from({ length: 50 }, read));
  for (const one of together) t.same(one, alone, "memory that one is done with is not another's yet");
});

t.test("clients that do not read, or go away in the middle, hold nobody up", async (t) => {
  const opened = session();
  const streams = Array.from({ length: 50 }, () => opened.request(head("application/json")));
  await Promise.all(streams.map((stream) => once(stream, "response")));
  const meanwhile = await server.call("GET", `${path}/c000`);
  t.equal(meanwhile.statusCode, 200);
  for (const stream of streams.slice(0, 25)) stream.close();
  opened.destroy();
  t.equal((await server.call("GET", path)).statusCode, 200);
});

t.test("large answers are compressed for those who can read it", async (t) => {
  const gzip = { "accept-encoding": "deflate, gzip;q=0.5" };
  const opened = session();
  const get = async (more: Readonly<Record<string, string>>, wanted = path) => {
    const stream = opened.request({ ...head("application/json"), ":path": wanted, ...more });
    const [headers] = (await once(stream, "response")) as [Readonly<Record<string, string>>];
    const chunks: Buffer[] = [];
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return { headers, body: Buffer.concat(chunks) };
  };
  const plain = await get({});
  t.equal(plain.headers["content-encoding"], undefined);
  const packed = await get(gzip);
  t.match(packed.headers, { "content-encoding": "gzip", vary: "Accept-Encoding" });
  t.ok(packed.body.length < plain.body.length / 10);
  t.ok(gunzipSync(packed.body).equals(plain.body));
  t.equal((await get(gzip, `${path}/c000`)).headers["content-encoding"], undefined, "small ones are not");
  t.equal((await get({ "accept-encoding": "gzip;q=0" })).headers["content-encoding"], undefined);
  const document = await get(gzip, "/openapi/v2");
  t.equal(document.headers["content-encoding"], "gzip");
  t.match(JSON.parse(gunzipSync(document.body).toString()), { swagger: "2.0" });
});

t.test("a client may name its request", async (t) => {
  const named = (id: string) => server.call("GET", `${path}/c000`, undefined, { "audit-id": id });
  t.equal((await named("mine-1")).headers["audit-id"], "mine-1");
  t.match((await named("x".repeat(65))).headers["audit-id"], /^[0-9a-f-]{36}$/);
});

t.test("a protobuf list is made in turns with other work", async (t) => {
  const items = Array.from({ length: 1_000 }, (_, at) => ({ metadata: { name: `c${at}` }, data: { a: "1" } }));
  const shape: ListShape = { head: { kind: "ConfigMapList", apiVersion: "v1", metadata: {} }, field: "items", items };
  const parts = [...listParts(shape, "protobuf")];
  t.equal(parts.filter((part) => part.length === 0).length, 10, "a pause after each hundred");
  t.equal(listAt(decodeProtobuf(Buffer.concat(parts)).object, "items").length, items.length);
});
