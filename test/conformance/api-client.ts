// A plain client for conformance tests: what was sent and what came back, nothing hidden.
import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import type { JsonObject, JsonValue } from "@triarch/api";
import { adminToken, type ApiProcess } from "../support/api-process.ts";
import { WatchStream } from "./watch-stream.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: JsonObject;
  readonly text: string;
}

export const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

export class ApiClient {
  readonly server: ApiProcess;
  readonly #agent: Agent;
  #namespaces = 0;

  private constructor(server: ApiProcess, agent: Agent) {
    this.server = server;
    this.#agent = agent;
  }

  static async connect(server: ApiProcess): Promise<ApiClient> {
    return new ApiClient(server, new Agent({ connect: { ca: await readFile(server.caFile, "utf8") } }));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async makeNamespace(): Promise<string> {
    const name = `conformance-${++this.#namespaces}`;
    await this.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    return name;
  }

  /** Whatever the answer. */
  async call(
    method: Method,
    path: string,
    body?: JsonValue | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await request(this.server.url + path, {
      ...{ method, dispatcher: this.#agent },
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { code: answer.statusCode, headers: answer.headers, text, body: parsed(text) };
  }

  /** @throws Error unless the answer is 2xx */
  async must(...args: Parameters<ApiClient["call"]>): Promise<JsonObject> {
    const answer = await this.call(...args);
    if (answer.code >= 200 && answer.code < 300) return answer.body;
    throw new Error(`${args[0]} ${args[1]}: ${answer.code} ${answer.text.slice(0, 500)}`);
  }

  get(path: string): Promise<JsonObject> {
    return this.must("GET", path);
  }

  create(path: string, object: JsonObject): Promise<JsonObject> {
    return this.must("POST", path, object);
  }

  update(path: string, object: JsonObject): Promise<JsonObject> {
    return this.must("PUT", path, object);
  }

  patch(path: string, patch: JsonValue, type: keyof typeof patchTypes = "merge"): Promise<JsonObject> {
    return this.must("PATCH", path, patch, { "content-type": patchTypes[type] });
  }

  delete(path: string, options?: JsonObject): Promise<JsonObject> {
    return this.must("DELETE", path, options);
  }

  async list(path: string): Promise<readonly JsonObject[]> {
    return ((await this.get(path))["items"] ?? []) as readonly JsonObject[];
  }

  /** Open until it is closed. @param query without `watch` */
  watch(path: string, query: Readonly<Record<string, string>> = {}): Promise<WatchStream> {
    const search = new URLSearchParams({ watch: "true", timeoutSeconds: "60", ...query });
    return WatchStream.open(`${this.server.url}${path}?${search.toString()}`, this.#agent, `Bearer ${adminToken}`);
  }
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}
