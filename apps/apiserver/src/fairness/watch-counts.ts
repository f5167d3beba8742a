// How many watch what: a write costs what it takes to tell them.
import type { RequestAttributes } from "@triarch/auth";

type Target = RequestAttributes & { readonly kind: "resource" };

/** Bound: an entry for each running watch at most, whose number the server bounds (`streamsMax`). */
export class WatchCounts {
  readonly #counts = new Map<string, number>();

  /** @returns what forgets the watch, once */
  add(attributes: RequestAttributes, query: URLSearchParams): () => void {
    if (attributes.kind === "path" || isIndexed(attributes, query)) return () => undefined;
    const key = keyOf(attributes, attributes.namespace, attributes.name);
    this.#change(key, 1);
    let isCounted = true;
    return () => {
      if (isCounted) this.#change(key, -1);
      isCounted = false;
    };
  }

  /** Those of all namespaces, of the object's, and of the object itself. */
  of(target: Target): number {
    if (this.#counts.size === 0) return 0;
    const { namespace, name } = target;
    let sum = this.#at(keyOf(target, "", ""));
    if (namespace !== "") sum += this.#at(keyOf(target, namespace, ""));
    if (name !== "") sum += this.#at(keyOf(target, namespace, name));
    return sum;
  }

  #at(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #change(key: string, by: 1 | -1): void {
    const count = this.#at(key) + by;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }
}

/** Each kubelet watches the pods of its own node: a change of one pod is told to one of them. */
function isIndexed({ apiGroup, resource }: Target, query: URLSearchParams): boolean {
  return apiGroup === "" && resource === "pods" && (query.get("fieldSelector") ?? "").includes("spec.nodeName=");
}

function keyOf({ apiGroup, resource }: Target, namespace: string, name: string): string {
  return `${apiGroup}/${resource}/${namespace}/${name}`;
}
