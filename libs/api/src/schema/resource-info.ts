/** One subresource of a resource; `group`, `version` and `kind` are those of the document it takes or gives. */
export interface SubresourceInfo {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
}

/** One served resource: where it lives in the URL space and in the store, and what can be done with it. */
export interface ResourceInfo {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case: `pods`. */
  readonly resource: string;
  readonly kind: string;
  readonly listKind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubresourceInfo[];
  /** Schema definition of the kind: `io.k8s.api.core.v1.Pod`. */
  readonly typeName: string;
  /** Key prefix in the store without trailing slash: `/registry/pods`, `/registry/minions`, `/registry/services/specs`. */
  readonly storagePrefix: string;
}
