// The life of one object of each kind against what a real API server answered: what a create stores, what updates, the
// three patch types and server-side apply make of it, who owns which fields, and how tables show it.
import t from "tap";
import {
  applyConfiguration,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  type JsonObject,
  type JsonValue,
  type MutableObject,
  partialObjectMetadata,
  renderTable,
  StatusError,
  tableFor,
  typeSchema,
} from "@triarch/api";
import { type Exchange, mutated, recordedMissing } from "./recorded.ts";
import { byGroup, restore, type Target, targetOf } from "./recorded-writes.ts";
import { create, nowMs, update } from "./strategy-server.ts";

/** Fields that something else than this package writes: server, allocators, admission, controllers. */
const foreign = new Set(["resourceVersion", "description"]);
/** Differences that are known, by kind, and why. */
const allowed: Readonly<Record<string, readonly RegExp[]>> = {
  // Service addresses and families are allocated, pods get tolerations and a token volume by admission.
  "service-clusterip": [/\.spec\.(?:clusterIPs?|ipFamil)/],
  "service-headless": [/\.spec\.(?:clusterIPs?|ipFamil)/],
  "service-nodeport": [/\.spec\.(?:clusterIPs?|ipFamil)/, /get-table/],
  "pod-minimal": [/^create \.spec\./],
  // A name server's address is a mark in the recorded object and real in the applied configuration: one conflict more.
  "pod-full": [/^create \.spec\./, /^apply-conflict-free \.message: .* -> "Apply failed with 4/],
  // A new node is tainted as not ready by admission.
  "node-basic": [/^create \.spec\.taints/],
  // Its row has an age that no column declares.
  "ipaddress-basic": [/^get-table \.rows\.0\.cells\.2/],
  // The server says who asked.
  "csr-basic": [/^create \.spec\./],
};

t.test("objects live as recorded", { skip: recordedMissing }, async (t) => {
  let [compared, equal] = [0, 0];
  for (const [group, list] of byGroup("life/")) {
    const kind = group.slice("life/".length);
    const target = targetOf(list[0]?.request.path ?? "");
    if (target === undefined) continue;
    const differences = live(list, target);
    compared += differences.size;
    const found = [...differences].flatMap(([step, difference]) =>
      difference === undefined ? [] : [`${step}${difference}`],
    );
    equal += differences.size - found.length;
    const unexpected = found.filter((line) => allowed[kind]?.some((pattern) => pattern.test(line)) !== true);
    t.strictSame(unexpected, [], `${kind}: ${differences.size} answers`);
    t.ok(differences.size >= 5, `${kind}: enough was compared`);
  }
  t.comment(`${equal} of ${compared} answers equal`);
  t.ok(compared > 200, "all kinds were there");
});

/** Plays the steps that this package answers; each with its first difference, or `undefined`. */
function live(list: readonly Exchange[], { resource, namespace }: Target): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  let object: JsonObject = {};
  for (const { step, request, response } of list) {
    const wanted = response.body;
    if (wanted === undefined) continue;
    const body = request.body ?? {};
    const manager = new URLSearchParams(request.path.split("?")[1] ?? "").get("fieldManager") ?? "client";
    if (step.startsWith("apply-")) {
      const answer = applied(body as JsonObject, manager, request.path.includes("force=true"));
      found.set(step, difference(wanted, answer));
      if (answer["kind"] !== "Status") object = answer;
      continue;
    }
    if (step === "create") {
      const answer = create(resource, namespace, body as JsonObject, manager);
      found.set(step, "object" in answer ? difference(wanted, answer.object) : ` refused: ${answer.text}`);
      // From here on the object is what the real server stored, with what admission and allocators gave it.
      object = restore(wanted) as JsonObject;
      continue;
    }
    if (step === "get") {
      // What the server does by itself after a create (a definition's names are accepted, say) is in this answer.
      object = restore(wanted) as JsonObject;
      continue;
    }
    if (step === "get-table") {
      const table = renderTable(tableFor(resource), [object], { nowMs });
      found.set(step, difference(wanted, table));
      continue;
    }
    if (step === "get-metadata") {
      found.set(step, difference(wanted, partialObjectMetadata(object)));
      continue;
    }
    const next = changed(step, request, object, body);
    if (next === undefined) continue;
    const answer = update(resource, namespace, object, next, manager);
    found.set(step, "object" in answer ? difference(wanted, answer.object) : ` refused: ${answer.text}`);
    if ("object" in answer) object = answer.object;
  }
  return found;

  /** The object, or the Status that refuses it. */
  function applied(config: JsonObject, manager: string, force: boolean): JsonObject {
    try {
      const next = applyConfiguration({ resource, subresource: "", manager, nowMs, force }, object, config);
      const answer = update(resource, namespace, object, next, false);
      return "object" in answer ? answer.object : { kind: "Status", message: answer.text };
    } catch (error) {
      if (error instanceof StatusError) return error.status as unknown as JsonObject;
      throw error;
    }
  }

  function changed(step: string, request: Exchange["request"], current: JsonObject, patch: JsonValue) {
    if (step === "update-label" && request.mutation !== undefined)
      return mutated(current, request.mutation) as JsonObject;
    if (step === "merge-patch") return applyMergePatch(current, patch);
    if (step === "json-patch") return applyJsonPatch(current, patch);
    if (step !== "strategic-merge-patch") return undefined;
    return applyStrategicMergePatch(current, patch, resource.typeName, (name) => typeSchema(name)?.fields);
  }
}

/** First difference as ` .path: wanted -> found`. `<…>` in the recording stands for any value. */
function difference(wanted: JsonValue | undefined, found: JsonValue | undefined, path = " "): string | undefined {
  if (typeof wanted === "string" && /<(?:uid|time|rv|age|clusterIP|nodePort|random)>/.test(wanted)) {
    return found === undefined ? `${path}: ${wanted} -> nothing` : undefined;
  }
  if (isComposite(wanted) && isComposite(found) && Array.isArray(wanted) === Array.isArray(found)) {
    const [left, right] = [inOrder(wanted, path), inOrder(found, path)];
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      if (foreign.has(key)) continue;
      const inside = difference(left[key], right[key], `${path}.${key}`);
      if (inside !== undefined) return inside;
    }
    return undefined;
  }
  return wanted === found ? undefined : `${path}: ${shown(wanted)} -> ${shown(found)}`;
}

/** Owners are sorted by time first, and how writes fell into seconds is the recording's. */
function inOrder(value: JsonValue | undefined, path: string): MutableObject {
  if (!path.endsWith(".managedFields") || !Array.isArray(value)) return value as MutableObject;
  const nameOf = ({ manager, operation, subresource }: Readonly<Record<string, string>>): string =>
    `${manager} ${operation} ${subresource}`;
  const entries = [...(value as Readonly<Record<string, string>>[])];
  return entries.sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1)) as unknown as MutableObject;
}

function isComposite(value: JsonValue | undefined): boolean {
  return typeof value === "object" && value !== null;
}

function shown(value: JsonValue | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
}
