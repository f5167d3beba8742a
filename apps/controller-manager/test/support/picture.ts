// A picture of a namespace: per kind what controllers write, with marks in place of what differs from run to run.
import type {
  ConfigMap,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  Namespace,
  ObjectMeta,
  Pod,
  ReplicaSet,
} from "@triarch/api";
import { resourceRefs, type KubeObject, type ResourceRef } from "@triarch/client";
import { namespaceIndex } from "@triarch/informer";
import { stableJson } from "@triarch/reconcile";
import type { SharedInformers } from "../../src/controller.ts";
import { rootCa } from "./cluster.ts";

export type Picture = Readonly<Record<string, unknown>>;

type Facts = Readonly<Record<string, unknown>>;

const kinds: Readonly<Record<string, { readonly ref: ResourceRef; readonly facts: (object: KubeObject) => Facts }>> = {
  deployments: {
    ref: resourceRefs.deployments,
    facts: ({ spec, status }: Deployment) => ({ spec: pick(spec, ["replicas", "paused"]), status }),
  },
  replicasets: { ref: resourceRefs.replicaSets, facts: replicaSetFacts },
  pods: { ref: resourceRefs.pods, facts: podFacts },
  endpointslices: {
    ref: resourceRefs.endpointSlices,
    facts: (slice) => pick(slice as EndpointSlice, ["addressType", "endpoints", "ports"]),
  },
  endpoints: { ref: resourceRefs.endpoints, facts: ({ subsets }: Endpoints) => ({ subsets }) },
  configmaps: { ref: resourceRefs.configMaps, facts: ({ data }: ConfigMap) => ({ data }) },
  serviceaccounts: { ref: resourceRefs.serviceAccounts, facts: () => ({}) },
  namespaces: {
    ref: resourceRefs.namespaces,
    facts: ({ spec, status }: Namespace) => ({ spec, status: pick(status, ["phase"]) }),
  },
};

/** The informers that pictures are taken from. */
export function preparePictures(informers: SharedInformers): void {
  for (const { ref } of Object.values(kinds)) informers.get(ref);
  informers.get(resourceRefs.events);
}

/** One namespace through its life: marks and births are remembered. */
export class Camera {
  readonly #informers: SharedInformers;
  readonly #namespace: string;
  readonly #births = new Map<string, number>();
  readonly #hashes: string[] = [];
  /** Generated names, with what they were generated from. */
  readonly #names = new Map<string, string>();
  readonly #addresses = new Map<string, string>();
  #changes = 0;

  constructor(informers: SharedInformers, namespace: string) {
    this.#informers = informers;
    this.#namespace = namespace;
    const count = ({ object }: { readonly object: KubeObject }): void => {
      if ((object.metadata?.namespace ?? object.metadata?.name) === namespace) this.#changes += 1;
    };
    for (const ref of [...Object.values(kinds).map((kind) => kind.ref), resourceRefs.events])
      informers.get<KubeObject>(ref).onChange(count);
    informers.get<Pod>(resourceRefs.pods).onChange(({ object }) => this.#notice(object, "pod"));
    informers.get<EndpointSlice>(resourceRefs.endpointSlices).onChange(({ object }) => this.#notice(object, "slice"));
    informers.get<ReplicaSet>(resourceRefs.replicaSets).onChange(({ object }) => {
      const hash = object.metadata?.labels?.["pod-template-hash"];
      if (object.metadata?.namespace !== namespace || hash === undefined) return;
      if (!this.#hashes.includes(hash)) this.#hashes.push(hash);
    });
  }

  /** Changes in the namespace so far: a picture changes only with them. */
  get changes(): number {
    return this.#changes;
  }

  #notice(object: Pod | EndpointSlice, what: string): void {
    const { namespace, name = "", generateName } = object.metadata ?? {};
    if (namespace !== this.#namespace) return;
    if (generateName !== undefined && !this.#names.has(name)) {
      const number = [...this.#names.values()].filter((one) => one.startsWith(`${generateName}<${what}`)).length + 1;
      this.#names.set(name, `${generateName}<${what}${number}>`);
    }
    const ip = "status" in object ? object.status?.podIP : undefined;
    if (ip !== undefined) this.#addresses.set(ip, name);
  }

  /** The text with marks for names, hashes and addresses. */
  #marked(text: string): string {
    let result = text;
    for (const [ip, name] of this.#addresses) result = result.replaceAll(`"${ip}"`, `"<ip:${name}>"`);
    for (const [name, mark] of this.#names) result = result.replaceAll(name, mark);
    for (const [i, hash] of this.#hashes.entries()) result = result.replaceAll(hash, `<hash${i + 1}>`);
    return result;
  }

  /** The text with the marks of a recorded path undone. */
  unmarked(text: string): string {
    let result = text;
    for (const [i, hash] of this.#hashes.entries()) result = result.replaceAll(`<hash${i + 1}>`, hash);
    for (const [name, mark] of this.#names) result = result.replaceAll(mark, this.#standIn(name));
    return result.replaceAll(/<uid:(\w+)\/([^>]+)>/g, (_, kind: string, name: string) => {
      const ref = kinds[kind]?.ref;
      const found = ref === undefined ? undefined : this.#informers.get(ref).lister.get(`${this.#namespace}/${name}`);
      return found?.metadata?.uid ?? "not-found";
    });
  }

  /** Which of several equal pods was removed is open: where this one is gone, a living one of its kind is meant. */
  #standIn(name: string): string {
    const pods = this.#informers.get<Pod>(resourceRefs.pods).lister;
    if (pods.get(`${this.#namespace}/${name}`) !== undefined) return name;
    const kind = (one: string): string | undefined => this.#names.get(one)?.replace(/<pod\d+>$/, "");
    const living = pods.byIndex(namespaceIndex, this.#namespace).map((one) => one.metadata?.name ?? "");
    return living.find((one) => kind(one) === kind(name)) ?? name;
  }

  /** @param wanted kinds to be in the picture; `withRootCa`: the published authority too */
  take(step: number, wanted: ReadonlySet<string>, withRootCa: boolean): Picture {
    const picture: Record<string, unknown> = {};
    for (const [kind, { ref, facts }] of Object.entries(kinds)) {
      if (!wanted.has(kind)) continue;
      const lister = this.#informers.get<KubeObject>(ref).lister;
      const objects = ref.namespaced
        ? lister.byIndex(namespaceIndex, this.#namespace)
        : lister.list().filter((one) => one.metadata?.name === this.#namespace);
      const shown = objects
        .filter((one) => withRootCa || one.metadata?.name !== "kube-root-ca.crt")
        .map((one) => ({ ...this.#metaFacts(one.metadata ?? {}, step), ...facts(one) }));
      if (shown.length > 0) picture[kind] = shown;
    }
    if (wanted.has("events")) {
      const events = this.#events();
      if (events.length > 0) picture["events"] = events;
    }
    return normal(JSON.parse(this.#marked(JSON.stringify(picture))) as Picture);
  }

  #metaFacts(metadata: ObjectMeta, step: number): Facts {
    const uid = metadata.uid ?? "";
    const born = this.#births.get(uid) ?? step;
    this.#births.set(uid, born);
    return {
      name: metadata.name,
      born,
      labels: metadata.labels,
      annotations: metadata.annotations,
      finalizers: metadata.finalizers,
      ownerReferences: metadata.ownerReferences?.map((one) =>
        pick(one, ["kind", "name", "controller", "blockOwnerDeletion"]),
      ),
      ...(metadata.deletionTimestamp === undefined ? {} : { deleting: true }),
    };
  }

  #events(): readonly Facts[] {
    const all = this.#informers.get<Event>(resourceRefs.events).lister.byIndex(namespaceIndex, this.#namespace);
    return all.map(({ type, reason, message, count, involvedObject }) => ({
      type,
      reason,
      kind: involvedObject.kind,
      message: message?.replaceAll(/\b[\w.-]+/g, (word) => this.#names.get(word)?.replace(/\d+>$/, ">") ?? word),
      count: count ?? 1,
    }));
  }
}

/** Equal pictures have equal text: marks of generated names without numbers, lists of objects and events in order. */
export function normal(picture: Picture): Picture {
  const text = JSON.stringify(picture)
    .replaceAll(/<(pod|slice)\d+>/g, "<$1>")
    .replaceAll(/"(lastTransitionTime|lastUpdateTime)":"[^"]*"/g, '"$1":"<time>"')
    .replaceAll(JSON.stringify(rootCa), '"<ca>"');
  const result: Record<string, unknown> = {};
  for (const [kind, value] of Object.entries(JSON.parse(text, dropEmpty) as Picture)) {
    if (!Array.isArray(value)) result[kind] = value;
    else {
      const rows = kind === "events" ? summed(value as EventFacts[]) : (value as unknown[]);
      result[kind] = rows
        .map((one) => stableJson(one))
        .sort()
        .map((one) => JSON.parse(one) as unknown);
    }
  }
  return result;
}

interface EventFacts {
  readonly type: string;
  readonly reason: string;
  readonly kind: string;
  readonly message: string;
  readonly count: number | "*";
}

function summed(events: readonly EventFacts[]): readonly EventFacts[] {
  const sums = new Map<string, EventFacts>();
  for (const { count, ...rest } of events) {
    const key = stableJson(rest);
    const known = sums.get(key)?.count ?? 0;
    sums.set(key, { ...rest, count: count === "*" || known === "*" ? "*" : count + known });
  }
  return [...sums.values()];
}

/** An address's own list order says nothing; empty containers are as good as none. */
function dropEmpty(key: string, value: unknown): unknown {
  if (key === "uid") return undefined;
  if (value === null) return undefined;
  if (key !== "" && typeof value === "object" && Object.keys(value).length === 0) return undefined;
  if (Array.isArray(value) && ["endpoints", "addresses", "subsets", "ports"].includes(key)) {
    return (value as unknown[])
      .map((one) => stableJson(one))
      .sort()
      .map((one) => JSON.parse(one) as unknown);
  }
  return value;
}

function replicaSetFacts(set: ReplicaSet): Facts {
  const { replicas, minReadySeconds, selector, template } = set.spec ?? {};
  const owned = (set.metadata?.ownerReferences ?? []).length > 0;
  const { observedGeneration, ...status } = set.status ?? {};
  return {
    spec: {
      replicas,
      ...(minReadySeconds === 0 ? {} : { minReadySeconds }),
      selector,
      images: template?.spec?.containers.map((one) => one.image),
      templateLabels: template?.metadata?.labels,
    },
    // How often a Deployment wrote its set is its own affair.
    status: owned ? status : { ...status, observedGeneration },
  };
}

function podFacts({ metadata, spec, status }: Pod): Facts {
  const placed = metadata?.generateName === undefined ? { nodeName: spec?.nodeName } : {};
  return {
    spec: {
      ...pick(spec, ["hostname", "subdomain", "restartPolicy", "tolerations"]),
      containers: spec?.containers.map((one) => pick(one, ["name", "image"])),
      ...placed,
    },
    status: {
      phase: status?.phase,
      conditions: (status?.conditions ?? [])
        .map((one) => pick(one, ["type", "status", "reason", "message"]))
        .sort((left, right) => (stableJson(left) < stableJson(right) ? -1 : 1)),
    },
  };
}

function pick<T extends object, K extends keyof T>(object: T | undefined, keys: readonly K[]): Partial<Pick<T, K>> {
  const result: Partial<Pick<T, K>> = {};
  for (const key of keys) if (object?.[key] !== undefined) result[key] = object[key];
  return result;
}
