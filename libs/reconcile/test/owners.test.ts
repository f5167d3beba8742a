import t from "tap";
import type { ObjectMeta, OwnerReference } from "@triarch/api";
import { deletionPhase, OwnerGraph, planGarbage, type GraphNode, type OwnerState } from "@triarch/reconcile";

function reference(uid: string, more: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion: "v1", kind: "ConfigMap", name: uid, uid, ...more };
}

function node(uid: string, owners: readonly OwnerReference[] = [], more: Partial<GraphNode> = {}): GraphNode {
  return { uid, resource: "configmaps", kind: "ConfigMap", namespace: "d", name: uid, owners, phase: "live", ...more };
}

t.test("an object is looked at when an owner is not there, goes, or waits for it", async (t) => {
  const graph = new OwnerGraph();
  t.same(graph.observe(node("b", [reference("a")])), ["b"], "its owner was not seen yet");
  t.same(graph.observe(node("a")), []);
  t.same(graph.observe(node("b", [reference("a")])), [], "its owner stands");
  t.same(graph.observe(node("a", [], { phase: "foreground" })), ["a"], "it waits for its dependents");
  t.same(graph.observe(node("b", [reference("a")], { phase: "deleting" })), ["a", "b"], "the owner may go on");
  t.same(graph.forget("b"), ["a"]);
  t.same(graph.forget("a"), []);
  t.equal(graph.size, 0);
});

t.test("the owner's end makes its dependents suspects; references that are gone count no more", async (t) => {
  const graph = new OwnerGraph();
  for (const one of [node("a"), node("b", [reference("a")]), node("c", [reference("a")])]) graph.observe(one);
  graph.observe(node("c"));
  t.same(
    graph.dependents("a").map((one) => one.uid),
    ["b"],
  );
  t.same(graph.forget("a"), ["b"]);
});

t.test("an owner under another name, kind or namespace does not stand", async (t) => {
  const graph = new OwnerGraph();
  graph.observe(node("a"));
  t.same(graph.observe(node("b", [reference("a", { name: "x" })])), ["b"]);
  t.same(graph.observe(node("c", [reference("a", { kind: "Secret" })])), ["c"]);
  t.same(graph.observe(node("d", [reference("a")], { namespace: "e" })), ["d"]);
});

const states = (entries: Readonly<Record<string, OwnerState>>): ReadonlyMap<string, OwnerState> =>
  new Map(Object.entries(entries));
const owned = (more: ObjectMeta = {}): ObjectMeta => ({
  uid: "x",
  ownerReferences: [reference("a"), reference("b")],
  ...more,
});

t.test("an object goes when all its owners are gone, and only then", async (t) => {
  t.same(planGarbage(owned(), states({ a: "solid", b: "solid" }), []), { kind: "none" });
  t.same(planGarbage(owned(), states({ a: "solid", b: "dangling" }), []), { kind: "dropOwners", uids: ["b"] });
  t.same(planGarbage(owned(), states({ a: "dangling", b: "forbidden" }), []), { kind: "none" });
  const gone = states({ a: "dangling", b: "dangling" });
  t.match(planGarbage(owned(), gone, []), { kind: "delete", policy: "Background" });
  t.match(planGarbage(owned({ finalizers: ["orphan"] }), gone, []), { kind: "delete", policy: "Orphan" });
  t.same(planGarbage({ uid: "x" }, new Map(), []), { kind: "none" });
});

t.test("in the foreground an owner waits for the dependents that block it", async (t) => {
  const waiting: ObjectMeta = {
    uid: "x",
    deletionTimestamp: "2026-01-01T00:00:00Z",
    finalizers: ["foregroundDeletion"],
  };
  t.equal(deletionPhase(waiting), "foreground");
  const blocking = node("d", [reference("x", { blockOwnerDeletion: true })]);
  const going = node("e", [reference("x", { blockOwnerDeletion: true })], { phase: "deleting" });
  const free = node("f", [reference("x")]);
  t.same(planGarbage(waiting, new Map(), [blocking, going, free]), { kind: "visit", uids: ["d"] });
  t.same(planGarbage(waiting, new Map(), [free]), { kind: "removeFinalizer", finalizer: "foregroundDeletion" });
  const owner = states({ a: "waiting", b: "dangling" });
  t.match(planGarbage(owned(), owner, [free]), { kind: "delete", policy: "Foreground", unblock: false });
  const circle = node("a", [], { phase: "foreground" });
  t.match(planGarbage(owned(), owner, [circle]), { kind: "delete", policy: "Foreground", unblock: true });
  t.match(planGarbage(owned(), owner, []), { kind: "delete", policy: "Background" });
});
