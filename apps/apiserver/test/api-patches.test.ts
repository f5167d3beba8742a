// Patches that can't be read, and patches of which something unreadable comes, in the three modes of field validation.
import t from "tap";
import { type JsonObject, listAt, objectAt, textAt } from "@triarch/api";
import { type Answer, configMap, startTestServer } from "./support/test-server.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const deployments = "/apis/apps/v1/namespaces/default/deployments";
const types = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

const server = await startTestServer();
t.teardown(() => server.close());
await server.call("POST", maps, configMap("one"));
await server.call("POST", deployments, {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "one" },
  spec: {
    selector: { matchLabels: { app: "x" } },
    template: { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "c", image: "i:1" }] } },
  },
});

function patch(path: string, type: keyof typeof types, body: unknown): Promise<Answer> {
  return server.call("PATCH", path, body, { "content-type": types[type] });
}

/** Status, and what is wrong with which field, or the whole message. */
function shown({ statusCode, body }: Answer): string {
  const causes = listAt(objectAt(body, "details") ?? {}, "causes") as readonly JsonObject[];
  const texts = causes.map((cause) => `${textAt(cause, "field")} ${textAt(cause, "reason")}`);
  return [statusCode, ...(statusCode < 300 ? [] : texts.length > 0 ? texts : [textAt(body, "message")])].join(" ");
}

t.test("what a JSON patch or a merge patch makes unreadable is 422, of the field `patch`", async (t) => {
  const one = `${maps}/one`;
  const unreadable = "422 patch FieldValueInvalid";
  const add = (path: string, value: unknown): unknown => [{ op: "add", path, value }];
  for (const [answer, wanted] of [
    [await patch(one, "json", add("/data/q", 7)), unreadable],
    [await patch(one, "json", add("/data", "text")), unreadable],
    [await patch(one, "json", add("/kind", "Secret")), unreadable],
    [await patch(one, "merge", { data: { a: 1 } }), unreadable],
    [await patch(`${one}?fieldValidation=Strict`, "json", add("/dta", {})), unreadable],
    [await patch(`${one}?fieldValidation=Strict`, "merge", { dta: 1 }), unreadable],
    [await patch(`${one}?fieldValidation=Strict`, "merge", '{"data":{"a":"1","a":"2"}}'), unreadable],
    [await patch(`${one}?fieldValidation=Strict`, "json", [{ op: "test", path: "/kind", value: "ConfigMap", x: 1 }]), unreadable],
    [await patch(`${one}?fieldValidation=Ignore`, "json", add("/dta", {})), "200"],
    [await patch(one, "json", "null"), "200"],
    [await patch(one, "merge", "null"), "400 Invalid JSON Patch"],
    [await patch(one, "merge", "{"), "400 error decoding patch: unexpected end of JSON input"],
    [await patch(`${one}?fieldValidation=Ignore`, "json", {}), "400 json: cannot unmarshal object into Go value of type jsonpatch.Patch"],
  ] as const) t.equal(shown(answer), wanted); // prettier-ignore
  const { body } = await patch(one, "merge", { data: { a: 1 } });
  t.match(body, {
    reason: "Invalid",
    message:
      /^ "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal number into Go struct field ConfigMap\.data of type string$/,
  });
});

t.test("strategic merge patches are shown as they are, with the words of the conversion from maps", async (t) => {
  const one = `${deployments}/one`;
  for (const [body, wanted] of [
    [{ spec: { replicas: "x" } }, '"map[spec:map[replicas:x]]": unrecognized type: int32'],
    [{ spec: "x" }, '"map[spec:x]": cannot restore struct from: string'],
    [{ spec: { template: { spec: { containers: {} } } } }, "cannot restore slice from map"],
    [{ spec: { strategy: { type: 7 } } }, "cannot convert int64 to v1.DeploymentStrategyType"],
    [{ metadata: { labels: 7 } }, "cannot restore map from int64"],
  ] as const) {
    const answer = await patch(one, "strategic", body);
    t.equal(answer.statusCode, 422);
    t.ok(textAt(answer.body, "message").endsWith(wanted), textAt(answer.body, "message"));
  }
  const strict = await patch(`${one}?fieldValidation=Strict`, "strategic", { z: 1, spec: { a: 1 } });
  t.equal(
    textAt(strict.body, "message"),
    ' "" is invalid: patch: Invalid value: "map[spec:map[a:1] z:1]": strict decoding error: unknown field "spec.a", unknown field "z"',
  );
  t.equal(shown(await patch(one, "strategic", "{")), "400 unexpected end of JSON input");
  t.equal(shown(await patch(one, "strategic", { kind: "Pod", apiVersion: "v1" })), "200", "the path says the kind");
  const kept = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate", rollingUpdate: { maxSurge: 1 } } } };
  t.equal(
    shown(await patch(one, "strategic", kept)),
    "422 the server rejected our request due to an error in our request",
  );
});

t.test("a patch that changes the uid is invalid, an update with another uid a conflict", async (t) => {
  const one = `${maps}/one`;
  const changed = "metadata.uid FieldValueInvalid";
  t.equal(shown(await patch(one, "merge", { metadata: { uid: "x" } })), `422 ${changed} ${changed}`, "seen twice");
  const absent = await server.call("PATCH", `${maps}/absent?fieldManager=a`, {
    ...configMap("absent"),
    metadata: { name: "absent", uid: "x" },
  }, { "content-type": "application/apply-patch+yaml" }); // prettier-ignore
  t.match(
    [absent.statusCode, textAt(absent.body, "message")],
    [409, /: uid mismatch: the provided object specified uid x/],
  );
  const { body } = await server.call("GET", one);
  const other = { ...body, metadata: { ...objectAt(body, "metadata"), uid: "x" } };
  t.equal((await server.call("PUT", one, other)).statusCode, 409);
});
