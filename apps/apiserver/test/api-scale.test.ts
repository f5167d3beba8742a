// The scale subresource in its other forms: a table, metadata alone.
import t from "tap";
import { listAt } from "@triarch/api";
import { startTestServer } from "./support/test-server.ts";

t.test("a Scale is shown as a table and as metadata", async (t) => {
  const server = await startTestServer();
  t.teardown(() => server.close());
  const deployments = "/apis/apps/v1/namespaces/default/deployments";
  const labels = { app: "a" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  const spec = { replicas: 3, selector: { matchLabels: labels }, template };
  await server.call("POST", deployments, { metadata: { name: "d" }, spec });
  await server.call("PATCH", `${deployments}/d/status`, '{"status":{"replicas":2}}', {
    "content-type": "application/merge-patch+json",
  });
  const as = (form: string) => ({ accept: `application/json;as=${form};v=v1;g=meta.k8s.io` });
  const table = await server.call("GET", `${deployments}/d/scale`, undefined, as("Table"));
  t.match(table, { statusCode: 200, body: { kind: "Table", metadata: { resourceVersion: /^\d+$/ } } });
  const names = listAt(table.body, "columnDefinitions").map((column) => (column as { readonly name: string }).name);
  t.same(names, ["Name", "Desired", "Available", "Age"]);
  t.match(listAt(table.body, "rows"), [
    { cells: ["d", 3, 2, /s$/], object: { kind: "PartialObjectMetadata", metadata: { name: "d" } } },
  ]);
  const meta = await server.call("GET", `${deployments}/d/scale`, undefined, as("PartialObjectMetadata"));
  t.match(meta.body, { kind: "PartialObjectMetadata", metadata: { name: "d", namespace: "default" } });
  t.notOk("spec" in meta.body);
  const plain = await server.call("GET", `${deployments}/d/scale`);
  t.match(plain.body, { kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 3 }, status: { replicas: 2 } });
});
