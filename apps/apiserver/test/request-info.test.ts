import t from "tap";
import { parseAccept, negotiate } from "../src/http/accept.ts";
import { attributesOf, parseRequestInfo } from "../src/http/request-info.ts";

const none = new URLSearchParams();
const info = (method: string, path: string, query = none) => parseRequestInfo(method, path, query);
const resource = { kind: "resource", group: "", version: "v1", namespace: "", name: "", subresource: "", rest: "" };

t.test("paths name resources", async (t) => {
  t.same(info("GET", "/api/v1/pods"), { ...resource, verb: "list", resource: "pods" });
  t.same(info("POST", "/api/v1/namespaces/a/pods/p/binding"), {
    ...{ ...resource, verb: "create", resource: "pods", namespace: "a", name: "p", subresource: "binding" },
  });
  t.same(info("GET", "/apis/apps/v1/namespaces/a/deployments", new URLSearchParams("watch=1")), {
    ...{ ...resource, group: "apps", verb: "watch", resource: "deployments", namespace: "a" },
  });
  t.same(info("DELETE", "/api/v1/namespaces/a/pods"), {
    ...resource,
    verb: "deletecollection",
    resource: "pods",
    namespace: "a",
  });
  t.match(info("PUT", "/api/v1/namespaces/a/finalize"), { resource: "namespaces", name: "a", subresource: "finalize" });
  t.match(info("GET", "/api/v1/namespaces/status"), { resource: "namespaces", name: "status", subresource: "" });
  t.match(info("GET", "/api/v1/namespaces/a/pods/p/proxy/x/y"), { subresource: "proxy", rest: "x/y" });
  t.match(info("GET", "/api/v1/namespaces/a/configmaps/a%2Fb"), { name: "a/b" });
  t.throws(() => info("GET", "/api/v1/pods/%zz"), URIError);
});

t.test("other paths are themselves", async (t) => {
  t.same(info("GET", "/readyz"), { kind: "path", verb: "get", path: "/readyz" });
  t.same(info("GET", "/apis/apps/v1"), { kind: "path", verb: "get", path: "/apis/apps/v1" });
  t.same(info("GET", "/api/v1/"), { kind: "path", verb: "get", path: "/api/v1/" });
});

t.test("a list narrowed to one name is authorised as that object", async (t) => {
  const query = new URLSearchParams({ fieldSelector: "status.phase=Running,metadata.name=p" });
  t.match(attributesOf(info("GET", "/api/v1/namespaces/a/pods", query), query), { verb: "list", name: "p" });
});

t.test("negotiation", async (t) => {
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  t.same(negotiate(table).view, { kind: "table", apiVersion: "meta.k8s.io/v1" });
  t.same(negotiate("application/vnd.kubernetes.protobuf,application/json").encoding, "json");
  t.same(negotiate("application/vnd.kubernetes.protobuf").encoding, "protobuf");
  t.same(negotiate("application/yaml").encoding, "yaml");
  t.same(negotiate("text/html,*/*;q=0.8").encoding, "json");
  t.same(negotiate(undefined).encoding, "json");
  t.same(negotiate("application/json;as=Table;v=v9;g=meta.k8s.io,application/json").view, { kind: "plain" });
  t.throws(() => negotiate("image/png"), /406: Not Acceptable/);
  t.throws(() => negotiate("application/json;q=0"), /406: Not Acceptable/);
  t.same(
    parseAccept("a/b;q=0.1, c/d").map(({ mediaType }) => mediaType),
    ["c/d", "a/b"],
  );
});
