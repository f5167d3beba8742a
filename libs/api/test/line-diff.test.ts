// Unified differences of lines. What is expected was made with Python's difflib, whose matching Kubernetes shares.
import t from "tap";
import { copyWithEmptied, deepCopy, type JsonObject, readStructure } from "@triarch/api";
import { goStruct } from "../src/validation/changes.ts";
import { unifiedDiff } from "../src/validation/line-diff.ts";
import { structDiff } from "../src/validation/struct-diff.ts";

const lines = (text: string): string[] => (text === "" ? [] : text.split(" "));

t.test("what differs, with three lines around it", (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["a b c", "a b c", ""],
    ["", "a", "@@ -0,0 +1 @@\n+a\n"],
    ["a", "", "@@ -1 +0,0 @@\n-a\n"],
    ["a b c", "a x c", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"],
    ["1 2 3 4 5 6 7 8", "1 2 3 4 x 5 6 7 8", "@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+x\n 5\n 6\n 7\n"],
    // Two differences that share what is around them are one hunk; further apart they are two.
    ["a 1 2 3 4 5 6 b", "x 1 2 3 4 5 6 y", "@@ -1,8 +1,8 @@\n-a\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+y\n"],
    [
      "a 1 2 3 4 5 6 7 b",
      "x 1 2 3 4 5 6 7 y",
      "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-b\n+y\n",
    ],
    // The longest common stretch counts, not the first.
    ["q a b x a b c d", "a b c d q", "@@ -1,8 +1,5 @@\n-q\n-a\n-b\n-x\n a\n b\n c\n d\n+q\n"],
  ];
  for (const [old, next, wanted] of cases) t.equal(unifiedDiff(lines(old), lines(next)), wanted, `${old} -> ${next}`);
  t.end();
});

t.test("lines that stand everywhere begin no match", (t) => {
  const many = Array.from({ length: 110 }, (_, i) => [`k${i}`, "}"]).flat();
  const old = ["head", ...many];
  const next = ["head", "}", "}", ...many];
  t.equal(unifiedDiff(old, next), "@@ -1,4 +1,6 @@\n head\n+}\n+}\n k0\n }\n k1\n");
  const gone = many.filter((line) => line !== "k50");
  t.equal(unifiedDiff(many, gone), "@@ -98,7 +98,6 @@\n }\n k49\n }\n-k50\n }\n k51\n }\n");
  t.end();
});

t.test("structs are shown in their internal form", (t) => {
  const podSpec = "io.k8s.api.core.v1.PodSpec";
  const container = { name: "c", image: "a<b", resources: {}, tty: true };
  const old = { containers: [container], hostNetwork: true, dnsPolicy: "Default", securityContext: { fsGroup: 5 } };
  const shown = goStruct(podSpec, old);
  t.strictSame(Object.keys(shown).slice(0, 5), [
    "Volumes",
    "InitContainers",
    "Containers",
    "EphemeralContainers",
    "RestartPolicy",
  ]);
  const context = shown["SecurityContext"] as Record<string, unknown>;
  t.strictSame(Object.keys(context).slice(0, 6), [
    "HostNetwork",
    "HostPID",
    "HostIPC",
    "ShareProcessNamespace",
    "HostUsers",
    "SELinuxOptions",
  ]);
  t.match(context, { HostNetwork: true, HostPID: false, HostUsers: null, FSGroup: 5 });
  t.equal(shown["HostNetwork"], undefined, "it stands in the security context alone");
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [] } };
  t.strictSame(Object.keys(goStruct("io.k8s.api.core.v1.PodTemplateSpec", template)), ["labels", "Spec"]);
  const affinity = { labelSelector: { matchLabels: { a: "b" } }, topologyKey: "z" };
  t.match(goStruct("io.k8s.api.core.v1.PodAffinityTerm", affinity), {
    LabelSelector: { matchLabels: { a: "b" } },
    Namespaces: null,
    TopologyKey: "z",
  });
  const text = structDiff(podSpec, old, { ...old, containers: [{ ...container, image: "a>b" }] });
  t.match(text, /^@@ -4,7 \+4,7 @@\n(?: .*\n){3}- {3}"Image": "a\\u003cb",\n\+ {3}"Image": "a\\u003eb",\n/);
  t.end();
});

t.test("an emptied list is shown, an absent one is null", (t) => {
  const podSpec = "io.k8s.api.core.v1.PodSpec";
  const old = { containers: [], nodeSelector: { a: "b" }, securityContext: { supplementalGroups: [1] } };
  const read = (spec: JsonObject): JsonObject =>
    readStructure("io.k8s.api.core.v1.Pod", { spec }).object["spec"] as JsonObject;
  const shown = (spec: JsonObject, name: string): unknown => goStruct(podSpec, copyWithEmptied(read(spec)))[name];
  t.strictSame(shown({ nodeSelector: {} }, "NodeSelector"), {});
  t.strictSame(shown({ nodeSelector: null }, "NodeSelector"), null);
  t.match(shown({ securityContext: { supplementalGroups: [] } }, "SecurityContext"), { SupplementalGroups: [] });
  t.match(structDiff(podSpec, old, read({ ...old, nodeSelector: {} })), /\n\+ "NodeSelector": \{\},\n/);
  t.strictSame(Object.keys(read({ nodeSelector: {}, tolerations: [] })), ["containers"], "the document has neither");
  t.equal(JSON.stringify(deepCopy(read({ nodeSelector: {} }))), '{"containers":null}');
  t.end();
});

t.test("a struct of very many lines is not compared", (t) => {
  const spec = (last: string): JsonObject => ({
    containers: [{ name: "c", args: [...Array.from({ length: 20_000 }, () => "a"), last] }],
  });
  t.equal(structDiff("io.k8s.api.core.v1.PodSpec", spec("a"), spec("b")), "");
  t.end();
});
