// Runs recorded writes through `strategy-server.ts` and says where the answers differ from the real server's.
import {
  deepCopy,
  findResource,
  type JsonObject,
  type JsonValue,
  type MutableObject,
  type ResourceInfo,
} from "@triarch/api";
import { type Exchange, exchanges, mutated } from "./recorded.ts";
import { type Answer, create, update } from "./strategy-server.ts";

const pathPattern = /^\/(?:api\/v1|apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/?]+)(?=\/))?\/([^/?]+)/;
/** What the recordings have in place of values that differ from run to run. */
const restored: readonly (readonly [string, string])[] = [
  ["<uid>", "11111111-2222-3333-4444-555555555555"],
  ["<time>", "2026-01-01T00:00:00Z"],
  ["<rv>", "5"],
  ["<clusterIP>", "10.96.5.5"],
  ["<random>", "abcde"],
];

export interface Target {
  readonly resource: ResourceInfo;
  readonly namespace: string;
}

export function targetOf(path: string): Target | undefined {
  const parts = pathPattern.exec(path);
  if (parts === null) return undefined;
  const resource = findResource(parts[1] ?? "", parts[2] ?? "v1", parts[4] ?? "");
  return resource === undefined ? undefined : { resource, namespace: parts[3] ?? "" };
}

export function restore(value: JsonValue): JsonValue {
  if (typeof value === "string") {
    return value === "<nodePort>"
      ? 30_111
      : restored.reduce((text, [mark, real]) => text.replaceAll(mark, real), value);
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => restore(item));
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, restore(field as JsonValue)]));
}

export function byGroup(prefix: string): ReadonlyMap<string, readonly Exchange[]> {
  const groups = new Map<string, Exchange[]>();
  for (const exchange of exchanges(prefix)) {
    const list = groups.get(exchange.group) ?? [];
    list.push(exchange);
    groups.set(exchange.group, list);
  }
  return groups;
}

export interface Comparison {
  readonly compared: number;
  /** `step: what was wanted -> what came`. */
  readonly differences: readonly string[];
}

/** All mutations of one `invalid-…` group: status, and for 422 the field and reason of every cause. */
export function compareMutations(list: readonly Exchange[]): Comparison {
  const bodies = new Map<string, JsonObject>();
  const differences: string[] = [];
  let compared = 0;
  for (const { step, request, response } of list) {
    const { mutation, method, path, body } = request;
    const target = targetOf(path);
    if (mutation === undefined) {
      // The first step of a group brings the object; creating it makes the base of updates.
      if (path.startsWith("/version")) bodies.set(step, body as JsonObject);
      else if (method === "POST" && target !== undefined) bodies.set(step, created(target, body as JsonObject));
      continue;
    }
    const base = bodies.get(mutation.base);
    const judged = response.status === 200 || response.status === 201 || response.status === 422;
    if (base === undefined || target === undefined || !judged || !reaches(base, mutation.path)) continue;
    const value = mutation.value === undefined ? {} : { value: restore(mutation.value) };
    const changed = mutated(base, { ...mutation, ...value }) as JsonObject;
    const { resource, namespace } = target;
    const answer =
      method === "POST"
        ? create(resource, namespace, withAccount(resource, changed))
        : update(resource, namespace, base, withAdmission(resource, base, changed));
    compared++;
    const [wanted, came] = [causesOf(response.status, response.body), answerCauses(answer)];
    if (wanted !== came) differences.push(`${step}: ${wanted} -> ${came}`);
  }
  return { compared, differences };
}

function causesOf(status: number, body: JsonObject | undefined): string {
  const details = body?.["details"] as
    { readonly causes?: readonly { readonly field?: string; readonly reason: string }[] } | undefined;
  return [status, ...(details?.causes ?? []).map(({ field = "", reason }) => `${field} ${reason}`).sort()].join("; ");
}

function answerCauses(answer: Answer): string {
  const causes = answer.status === 422 ? answer.errors.map(({ field, type }) => `${field} ${type}`).sort() : [];
  return [answer.status, ...causes].join("; ");
}

function reaches(base: JsonValue, path: readonly (string | number)[]): boolean {
  let value: JsonValue | undefined = base;
  for (const key of path.slice(0, -1)) {
    if (value === null || typeof value !== "object") return false;
    value = (value as Record<string | number, JsonValue | undefined>)[key];
  }
  return value !== undefined;
}

/** The stored object: what the package makes of the body, and what the server allocates and admits. */
function created({ resource, namespace }: Target, body: JsonObject): JsonObject {
  const answer = create(resource, namespace, body);
  if (!("object" in answer)) throw new Error(`${resource.resource}: the base object is refused: ${answer.text}`);
  const { object } = answer;
  const spec = object["spec"] as MutableObject | undefined;
  if (resource.resource === "services" && spec !== undefined && spec["type"] !== "ExternalName") {
    spec["clusterIP"] ??= "10.96.48.235";
    spec["clusterIPs"] ??= [spec["clusterIP"]];
    spec["ipFamilies"] ??= ["IPv4"];
    spec["ipFamilyPolicy"] ??= "SingleStack";
  }
  return withAdmission(resource, {}, object);
}

const defaultTaints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/** A new pod without account gets the default one before it is judged. */
function withAccount(resource: ResourceInfo, object: JsonObject): JsonObject {
  const spec = object["spec"];
  if (resource.resource !== "pods" || spec === null || typeof spec !== "object" || Array.isArray(spec)) return object;
  const given = { ...(spec as JsonObject) };
  return { ...object, spec: { ...given, serviceAccountName: given["serviceAccountName"] || "default" } };
}

/** What admission adds to pods: tolerations, priority, service account. */
function withAdmission(resource: ResourceInfo, old: JsonObject, object: JsonObject): JsonObject {
  if (resource.resource !== "pods" || object["spec"] === null || object["spec"] === undefined) return object;
  const next = deepCopy(object);
  const spec = next["spec"] as MutableObject;
  const tolerations = Array.isArray(spec["tolerations"]) ? spec["tolerations"] : [];
  const has = (key: string): boolean =>
    tolerations.some((one) => {
      const toleration = one as MutableObject;
      return (toleration["key"] ?? key) === key && (toleration["effect"] ?? "NoExecute") === "NoExecute";
    });
  // The plug-in acts where tolerations are named at all and on every new pod.
  if (old["spec"] === undefined || tolerations.length > 0) {
    for (const key of defaultTaints.filter((taint) => !has(taint))) {
      tolerations.push({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 });
    }
    spec["tolerations"] = tolerations;
  }
  spec["priority"] ??= 0;
  spec["preemptionPolicy"] ??= "PreemptLowerPriority";
  spec["serviceAccountName"] ??= "default";
  spec["serviceAccount"] ??= "default";
  return next;
}
