import type { Clock, Rng } from "@triarch/base";
import { apiErrorOf, HttpClient, type HttpAnswer } from "./http-client.ts";
import { loadKubeconfig, type ClusterAccess } from "./kubeconfig.ts";
import { jsonLines } from "./json-lines.ts";
import { apiVersionOf, resourcePath } from "./resource-refs.ts";
import type {
  KubeClient,
  KubeObject,
  ListOptions,
  ObjectList,
  PatchType,
  ResourceRef,
  WatchEvent,
  WatchOptions,
} from "./types.ts";

export interface KubeClientOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly rng: Rng;
  /** Shown in the server's logs and as field manager, for example `kube-scheduler`. */
  readonly userAgent: string;
  readonly requestTimeoutMs?: number;
}

/** A `KubeClient` that can also be told of other masters. */
export interface BalancedKubeClient extends KubeClient {
  setServers(urls: readonly string[]): void;
  masters(): readonly { readonly url: string; readonly healthy: boolean }[];
}

const patchContentTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

export async function kubeClientFromFile(
  file: string,
  options: Omit<KubeClientOptions, "access">,
): Promise<BalancedKubeClient> {
  return createKubeClient({ ...options, access: await loadKubeconfig(file) });
}

export function createKubeClient(options: KubeClientOptions): BalancedKubeClient {
  const http = new HttpClient(options);

  async function send<T>(
    method: string,
    path: string,
    parts: {
      readonly query?: URLSearchParams;
      readonly body?: unknown;
      readonly contentType?: string;
      readonly idempotent: boolean;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<{ readonly object: T; readonly answer: HttpAnswer }> {
    const answer = await http.request({
      method,
      path: withQuery(path, parts.query),
      headers: parts.body === undefined ? {} : { "content-type": parts.contentType ?? "application/json" },
      idempotent: parts.idempotent,
      ...(parts.body === undefined ? {} : { body: JSON.stringify(parts.body) }),
      ...(parts.signal === undefined ? {} : { signal: parts.signal }),
    });
    if (answer.statusCode < 200 || answer.statusCode > 299) throw new UnexpectedAnswer(answer);
    return { object: JSON.parse(Buffer.from(answer.body).toString("utf8")) as T, answer };
  }

  /** As `send`, with answers outside 2xx as `ApiError`. */
  async function ask<T>(...args: Parameters<typeof send>): Promise<T> {
    try {
      return (await send<T>(...args)).object;
    } catch (error) {
      if (error instanceof UnexpectedAnswer) throw apiErrorOf(error.answer.statusCode, error.answer.body);
      throw error;
    }
  }

  return {
    get: (ref, key) => ask("GET", resourcePath(ref, key), { idempotent: true }),

    async list<T extends KubeObject>(ref: ResourceRef, listOptions: ListOptions = {}): Promise<ObjectList<T>> {
      return ask("GET", resourcePath(ref, { namespace: listOptions.namespace }), {
        query: listQuery(listOptions),
        idempotent: true,
        signal: listOptions.signal,
      });
    },

    create(ref, object, createOptions) {
      const query = new URLSearchParams({ fieldManager: options.userAgent });
      if (createOptions?.dryRun === true) query.set("dryRun", "All");
      const body = { apiVersion: apiVersionOf(ref), kind: ref.kind, ...object };
      return ask("POST", resourcePath(ref, { namespace: object.metadata?.namespace }), {
        query,
        body,
        idempotent: false,
      });
    },

    update(ref, object, updateOptions) {
      const { namespace, name } = object.metadata ?? {};
      if (name === undefined) throw new TypeError("update needs metadata.name");
      const body = { apiVersion: apiVersionOf(ref), kind: ref.kind, ...object };
      const path = resourcePath(ref, { namespace, name, subresource: updateOptions?.subresource });
      // Sent again after an unknown outcome it can only conflict, and callers answer a conflict by reading anew.
      const idempotent = object.metadata?.resourceVersion !== undefined;
      return ask("PUT", path, { query: new URLSearchParams({ fieldManager: options.userAgent }), body, idempotent });
    },

    patch(ref, key, patch, patchOptions) {
      const query = new URLSearchParams({ fieldManager: patchOptions.fieldManager ?? options.userAgent });
      if (patchOptions.force === true) query.set("force", "true");
      return ask("PATCH", resourcePath(ref, { ...key, subresource: patchOptions.subresource }), {
        query,
        body: patch,
        contentType: patchContentTypes[patchOptions.type],
        idempotent: patchOptions.type !== "json",
      });
    },

    async delete(ref, key, deleteOptions) {
      const body = { apiVersion: "v1", kind: "DeleteOptions", ...deleteOptions };
      try {
        await send("DELETE", resourcePath(ref, key), { body, idempotent: true });
      } catch (error) {
        if (!(error instanceof UnexpectedAnswer)) throw error;
        const own = error.answer.statusCode === 404 && error.answer.afterUnknownOutcome;
        if (!own) throw apiErrorOf(error.answer.statusCode, error.answer.body);
      }
    },

    createSubresource(ref, key, subresource, object) {
      return ask("POST", resourcePath(ref, { ...key, subresource }), { body: object, idempotent: false });
    },

    async *watch<T extends KubeObject>(ref: ResourceRef, watchOptions: WatchOptions): AsyncGenerator<WatchEvent<T>> {
      const query = listQuery(watchOptions);
      query.set("watch", "true");
      if (watchOptions.allowWatchBookmarks !== false) query.set("allowWatchBookmarks", "true");
      if (watchOptions.timeoutSeconds !== undefined) query.set("timeoutSeconds", String(watchOptions.timeoutSeconds));
      const answer = await http.open({
        method: "GET",
        path: withQuery(resourcePath(ref, { namespace: watchOptions.namespace }), query),
        ...(watchOptions.signal === undefined ? {} : { signal: watchOptions.signal }),
      });
      if (answer.statusCode !== 200) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of answer.body) chunks.push(chunk);
        throw apiErrorOf(answer.statusCode, Buffer.concat(chunks));
      }
      for await (const line of jsonLines(answer.body)) yield line as WatchEvent<T>;
    },

    async raw(request) {
      const answer = await http.request({
        method: request.method,
        path: request.path,
        headers: { ...(request.body === undefined ? {} : { "content-type": "application/json" }), ...request.headers },
        idempotent: request.method === "GET" || request.method === "HEAD",
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      return { statusCode: answer.statusCode, headers: answer.headers, body: answer.body };
    },

    setServers: (urls) => http.setServers(urls),
    masters: () => http.masters(),
    close: () => http.close(),
  };
}

/** Carries an answer outside 2xx from where it was read to where its meaning is known. */
class UnexpectedAnswer extends Error {
  readonly answer: HttpAnswer;
  constructor(answer: HttpAnswer) {
    super(`HTTP ${answer.statusCode}`);
    this.answer = answer;
  }
}

function withQuery(path: string, query: URLSearchParams | undefined): string {
  return query === undefined || query.size === 0 ? path : `${path}?${query.toString()}`;
}

function listQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector !== undefined) query.set("labelSelector", options.labelSelector);
  if (options.fieldSelector !== undefined) query.set("fieldSelector", options.fieldSelector);
  if (options.resourceVersion !== undefined) query.set("resourceVersion", options.resourceVersion);
  if (options.limit !== undefined) query.set("limit", String(options.limit));
  if (options.continue !== undefined) query.set("continue", options.continue);
  return query;
}
