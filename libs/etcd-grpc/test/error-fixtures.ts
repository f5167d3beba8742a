import { join } from "node:path";
import type { Test } from "tap";
import { AuthClient } from "./auth-client.ts";
import { one, setUp } from "./auth-setup.ts";
import { changed } from "./changed-server.ts";
import { plantedError, type Provocation } from "./error-rows.ts";
import { startEtcdCluster, type EtcdCluster } from "./etcd-cluster.ts";
import type { EtcdPort } from "./etcd-port.ts";
import { startLoneStore } from "./lone-store.ts";
import { openPlainPort, startPlainPort } from "./plain-port.ts";

/** What is there before the rows are asked for: a lease, a user, a role, a key with a history. */
export async function prepare(client: AuthClient): Promise<void> {
  await client.call("put", one("a"));
  await client.call("put", one("a"));
  await client.call("compact", { revision: 3 });
  await client.call("leaseGrant", { id: 7n, ttl: 600 });
  await client.call("userAdd", { name: "u", password: "u" });
  await client.call("roleAdd", { name: "r" });
}

/** Servers in the state that rows need, each started when the first row asks for it. */
export class Fixtures {
  readonly #t: Test;
  readonly #dir: string;
  readonly #clients = new Map<Provocation["on"], Promise<AuthClient>>();
  #cluster: EtcdCluster | undefined;

  constructor(t: Test) {
    this.#t = t;
    this.#dir = t.testdir({});
  }

  client(on: Provocation["on"]): Promise<AuthClient> {
    const known = this.#clients.get(on) ?? this.#start(on);
    this.#clients.set(on, known);
    return known;
  }

  async #start(on: Provocation["on"]): Promise<AuthClient> {
    switch (on) {
      case "peer": {
        const client = await this.#lone(on);
        await prepare(client);
        return client;
      }
      case "own":
        return this.client("peer");
      case "secured": {
        const keys = { publicKey: "a shared secret", privateKey: "a shared secret" };
        const client = await this.#lone(on, { authTokens: { kind: "jwt", algorithm: "HS256", ...keys } });
        await setUp(client);
        return client;
      }
      case "planted":
        return this.#over(on, ({ server }) =>
          changed(server, {
            put: async ({ key }) => {
              throw plantedError(Buffer.from(key ?? []).toString()) ?? new Error("no such failure");
            },
          }),
        );
      case "learner":
        return this.#over(on, ({ server }) => changed(server, { isLearner: () => true }));
      case "stopped":
        return this.#over(on, async (store) => {
          await store.close();
          return store.server;
        });
      case "followers": {
        const cluster = await this.#startCluster();
        await cluster.stop(await cluster.follower());
        return this.#of(await cluster.follower());
      }
      case "lonely": {
        await this.client("followers");
        const cluster = await this.#startCluster();
        const left = await cluster.follower();
        await cluster.stop(await cluster.leader());
        while (left.server.leaderId() !== 0n) await new Promise((resolve) => setImmediate(resolve));
        return this.#of(left);
      }
    }
  }

  async #lone(name: string, options: Parameters<typeof startPlainPort>[1] = {}): Promise<AuthClient> {
    const port = await startPlainPort(join(this.#dir, name), options);
    this.#t.teardown(() => port.close());
    return this.#connect(port.url);
  }

  async #over(name: string, serverOf: (store: Store) => Server | Promise<Server>): Promise<AuthClient> {
    const store = await startLoneStore(join(this.#dir, name));
    const port = await openPlainPort(store, await serverOf(store));
    this.#t.teardown(() => port.close());
    return this.#connect(port.url);
  }

  async #startCluster(): Promise<EtcdCluster> {
    if (this.#cluster !== undefined) return this.#cluster;
    const cluster = await startEtcdCluster(join(this.#dir, "cluster"));
    this.#t.teardown(() => cluster.close());
    this.#cluster = cluster;
    return cluster;
  }

  #of({ url, caPem, client }: EtcdPort): AuthClient {
    return this.#connect(url, { ca: caPem, cert: client.certificatePem, key: client.keyPem });
  }

  #connect(url: string, tls: ConstructorParameters<typeof AuthClient>[1] = {}): AuthClient {
    const client = new AuthClient(url, tls);
    this.#t.teardown(() => client.close());
    return client;
  }
}

type Store = Awaited<ReturnType<typeof startLoneStore>>;
type Server = Store["server"];
