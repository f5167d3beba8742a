// Discovery and OpenAPI as clients ask for them: which form, and not again what they have.
import t from "tap";
import { startTestServer } from "./support/test-server.ts";

const server = await startTestServer();
t.teardown(() => server.close());
const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  server.call("GET", path, undefined, headers);
const aggregated = (version: string) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

t.test("aggregated discovery in both versions, the first that the client names", async (t) => {
  for (const version of ["v2", "v2beta1"]) {
    const answer = await get("/apis", { accept: `${aggregated(version)},application/json` });
    t.match(answer.body, { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}` });
    t.equal(answer.headers["content-type"], aggregated(version));
  }
  const both = await get("/api", { accept: `${aggregated("v2")},${aggregated("v2beta1")},application/json` });
  t.match(both.body, { apiVersion: "apidiscovery.k8s.io/v2", items: [{ versions: [{ version: "v1" }] }] });
  t.match((await get("/apis", { accept: `${aggregated("v3")},application/json` })).body, { kind: "APIGroupList" });
  t.match((await get("/apis", { accept: `application/json,${aggregated("v2")}` })).body, { kind: "APIGroupList" });
});

t.test("who has a document is not sent it again", async (t) => {
  for (const [path, accept] of [
    ["/apis", aggregated("v2")],
    ["/openapi/v2", "application/json"],
    ["/openapi/v3/apis/apps/v1", "application/json"],
  ] as const) {
    const first = await get(path, { accept });
    const { etag } = first.headers;
    t.match(etag, /^"[0-9A-F]+"$/);
    const again = await get(path, { accept, "if-none-match": String(etag) });
    t.match({ ...again }, { statusCode: 304, text: "" }, path);
    t.equal((await get(path, { accept, "if-none-match": '"other"' })).statusCode, 200);
  }
});

t.test("an OpenAPI document by its hash may be kept; by another one it has moved", async (t) => {
  const index = await get("/openapi/v3");
  const { serverRelativeURL: url } = (index.body["paths"] as Record<string, { readonly serverRelativeURL: string }>)[
    "apis/batch/v1"
  ] as { readonly serverRelativeURL: string };
  const document = await get(url);
  t.match(document.headers["cache-control"], /immutable/);
  t.equal(document.statusCode, 200);
  const moved = await get("/openapi/v3/apis/batch/v1?hash=OLD");
  t.match({ statusCode: moved.statusCode, to: moved.headers["location"] }, { statusCode: 301, to: url });
});

t.test("what is not there is not found", async (t) => {
  for (const path of ["/api/v2", "/apis/example.com", "/apis/apps/v9", "/openapi/v3/apis/none/v1"]) {
    t.equal((await get(path)).statusCode, 404, path);
  }
  t.equal((await server.call("POST", "/apis", {})).statusCode, 405);
});
