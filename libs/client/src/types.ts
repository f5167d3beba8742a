import type { ObjectMeta, Status } from "@triarch/api";

/** What every stored Kubernetes object has. The generated kinds (Pod, Node, ...) fit it. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** Names a resource of the API: `{ group: "apps", version: "v1", resource: "deployments", namespaced: true }`. */
export interface ResourceRef {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural, lower case. */
  readonly resource: string;
  readonly namespaced: boolean;
  readonly kind: string;
}

export interface ObjectList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Only `metadata.resourceVersion` (and the initial-events-end annotation) is set. */
  | { readonly type: "BOOKMARK"; readonly object: KubeObject }
  | { readonly type: "ERROR"; readonly object: Status };

/** A `Status` answer of the API server. Branch on `code` and `reason`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status code. */
  readonly code: number;
  /** Kubernetes' reason: NotFound, Conflict, AlreadyExists, Invalid, Expired, ... */
  readonly reason: string;
  readonly status: Status;

  constructor(code: number, status: Status) {
    super(status.message ?? `HTTP ${code}`);
    this.code = code;
    this.reason = status.reason ?? "Unknown";
    this.status = status;
  }
}

/** No master could be reached, or the fate of a non-idempotent request is unknown. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  /** True: the request provably never reached a server; false: it may have been carried out. */
  readonly notSent: boolean;

  constructor(message: string, notSent: boolean, options?: ErrorOptions) {
    super(message, options);
    this.notSent = notSent;
  }
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly signal?: AbortSignal;
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly timeoutSeconds?: number;
}

export interface ObjectKey {
  /** Absent for cluster-scoped resources. */
  readonly namespace?: string;
  readonly name: string;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

/**
 * Typed access to the API over the load balancer: requests are spread over healthy masters, idempotent ones are
 * retried on another master at once, others only when provably not sent. Rejects with `ApiError` or `TransportError`.
 */
export interface KubeClient {
  get<T extends KubeObject>(ref: ResourceRef, key: ObjectKey): Promise<T>;
  list<T extends KubeObject>(ref: ResourceRef, options?: ListOptions): Promise<ObjectList<T>>;
  create<T extends KubeObject>(ref: ResourceRef, object: T, options?: { readonly dryRun?: boolean }): Promise<T>;
  /** PUT. `metadata.resourceVersion` guards against lost updates. */
  update<T extends KubeObject>(ref: ResourceRef, object: T, options?: { readonly subresource?: string }): Promise<T>;
  patch<T extends KubeObject>(
    ref: ResourceRef,
    key: ObjectKey,
    patch: unknown,
    options: {
      readonly type: PatchType;
      readonly subresource?: string;
      readonly fieldManager?: string;
      readonly force?: boolean;
    },
  ): Promise<T>;
  delete(
    ref: ResourceRef,
    key: ObjectKey,
    options?: {
      readonly gracePeriodSeconds?: number;
      readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
    },
  ): Promise<void>;
  /** POST to a subresource, for example `pods/binding` or `pods/eviction`. */
  createSubresource<T extends KubeObject>(
    ref: ResourceRef,
    key: ObjectKey,
    subresource: string,
    object: KubeObject,
  ): Promise<T>;
  /**
   * One watch connection; ends when the server closes it or its master dies (informers resume elsewhere).
   * @throws ApiError 410 as the request's answer; as an event it is yielded
   */
  watch<T extends KubeObject>(ref: ResourceRef, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Anything else: health endpoints, /version, raw paths. `body` is sent as JSON. */
  raw(request: {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  }): Promise<{
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: Uint8Array;
  }>;
  close(): Promise<void>;
}
