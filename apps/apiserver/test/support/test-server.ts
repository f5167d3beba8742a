// An API server over a memory store on loopback sockets, and a small client for it.
import { Agent, request, type Dispatcher } from "undici";
import type { JsonObject } from "@triarch/api";
import { systemClock } from "@triarch/base";
import { memoryStore, type MemoryStore } from "@triarch/etcd-server";
import { createCa, issueCertificate, type KeyPair } from "@triarch/pki";
import { createRegistry, silentLogger } from "@triarch/telemetry";
import { adminToken } from "../../src/server/standalone.ts";
import { serveApi, type ApiServer, type ServeApiOptions } from "../../src/server/api-server.ts";

export interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: JsonObject;
}

export interface TestClient {
  (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface TestServer {
  readonly url: string;
  readonly store: MemoryStore;
  readonly ca: KeyPair;
  readonly server: ApiServer;
  /** With the administrator's token. */
  readonly call: TestClient;
  /** With a client certificate of our CA, or of another one. */
  clientOf(commonName: string, organizations: readonly string[], signer?: KeyPair): Promise<TestClient>;
  anonymous(): TestClient;
  readonly agent: Dispatcher;
  close(): Promise<void>;
}

export const token = "sesame";
const nowMs = Date.now();
export const testCa = await createCa({ commonName: "test", nowMs, validityDays: 1 });
const serving = await issueCertificate(testCa, {
  commonName: "kube-apiserver",
  ipAddresses: ["127.0.0.1"],
  usages: ["server"],
  nowMs,
  validityDays: 1,
});

export async function startTestServer(
  options: Partial<ServeApiOptions> & { readonly memory?: MemoryStore } = {},
): Promise<TestServer> {
  const { memory, ...rest } = options;
  const store = memory ?? memoryStore({ clock: systemClock });
  const server = await serveApi({
    store,
    listen: [{ host: "127.0.0.1", port: 0 }],
    tls: { certificatePem: serving.certificatePem, keyPem: serving.keyPem, clientCaPem: testCa.certificatePem },
    advertise: undefined,
    tokens: [adminToken(token)],
    furnishesNamespaces: true,
    kubeletClient: undefined,
    serviceCidr: "10.96.0.0/16",
    logger: silentLogger,
    metrics: createRegistry("apiserver"),
    ...rest,
  });
  const url = `https://127.0.0.1:${server.addresses[0]?.port}`;
  const agents: Agent[] = [];
  const agentWith = (connect: object): Agent => {
    const agent = new Agent({ connect: { ca: testCa.certificatePem, ...connect } });
    agents.push(agent);
    return agent;
  };
  const agent = agentWith({});
  return {
    url,
    store,
    ca: testCa,
    server,
    agent,
    call: client(url, agent, { authorization: `Bearer ${token}` }),
    anonymous: () => client(url, agent, {}),
    clientOf: async (commonName, organizations, signer = testCa) => {
      const pair = await issueCertificate(signer, {
        commonName,
        organizations,
        usages: ["client"],
        nowMs,
        validityDays: 1,
      });
      return client(url, agentWith({ cert: pair.certificatePem, key: pair.keyPem }), {});
    },
    close: async () => {
      for (const one of agents) await one.destroy();
      await server.close();
    },
  };
}

function client(url: string, dispatcher: Dispatcher, own: Readonly<Record<string, string>>): TestClient {
  return async (method, path, body, headers = {}) => {
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const answer = await request(url + path, {
      method,
      dispatcher,
      headers: { ...own, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { statusCode: answer.statusCode, headers: answer.headers, text, body: parse(text) };
  };
}

function parse(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}

export function configMap(name: string, data: Readonly<Record<string, string>> = { a: "1" }): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

export function pod(name: string, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "c", image: "busybox:1" }], ...more },
  };
}

/** Waits for a condition without a fixed sleep. @throws Error after `withinMs` */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
