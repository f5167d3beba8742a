// Three masters as processes on loopback: plain HTTP for the API, an etcd port each. Started again, a master has its
// ports and its data.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Test } from "tap";
import { adminToken, type MasterOptions } from "@triarch/apiserver";
import { seededRng, systemClock } from "@triarch/base";
import { createKubeClient, type BalancedKubeClient, type ClusterAccess } from "@triarch/client";
import { createCa, issueCertificate } from "@triarch/pki";
import { freePorts, spawnUntilReady, temporaryFolder, type Served } from "./etcd/child.ts";
import { EtcdConnection, rpcs } from "./etcd/rpc.ts";
import { until } from "./until.ts";

const names = ["m1", "m2", "m3"];
const host = "127.0.0.1";
const program = join(import.meta.dirname, "master-child.ts");
const token = "sesame";
/** A stop drains for at most 10 s, and the store has 10 s more. */
const stopTimeoutMs = 30_000;

export class ThreeMasters {
  readonly access: ClusterAccess;
  readonly #options: readonly MasterOptions[];
  readonly #connections: readonly EtcdConnection[];
  readonly #processes = new Map<number, Served>();

  private constructor(options: readonly MasterOptions[], ca: string, admin: { cert: string; key: string }) {
    this.#options = options;
    const servers = options.map(({ listen }) => `http://${host}:${listen[0]?.port}`);
    this.access = { servers, token, insecureSkipTlsVerify: false };
    this.#connections = options.map(
      ({ etcd }) => new EtcdConnection({ url: `https://${host}:${etcd?.listen.port}`, tls: { ca, ...admin } }),
    );
  }

  /** All three run and answer; they end with the test. */
  static async start(t: Test): Promise<ThreeMasters> {
    const folder = await temporaryFolder("masters");
    const ports = await freePorts(9);
    const nowMs = Date.now();
    const ca = await createCa({ commonName: "etcd-ca", nowMs, validityDays: 1 });
    const pair = async (commonName: string, usage: "server" | "client") => {
      const asked = { commonName, ipAddresses: [host], usages: [usage], nowMs, validityDays: 1 };
      const { certificatePem, keyPem } = await issueCertificate(ca, asked);
      return { cert: certificatePem, key: keyPem };
    };
    const serving = await pair("etcd", "server");
    const initialCluster = names.map((name, i) => ({
      name,
      peerUrl: `http://${host}:${ports[i]}`,
      clientUrl: undefined,
    }));
    const options = names.map((name, i): MasterOptions => ({
      ...{ name, dataDir: join(folder, name), clusterToken: "test", initialCluster, logLevels: "silent" },
      peer: { listen: { host, port: ports[i] ?? 0 }, tls: undefined },
      etcd: { listen: { host, port: ports[i + 3] ?? 0 }, tls: { ...serving, clientCa: ca.certificatePem } },
      ...{ listen: [{ host, port: ports[i + 6] ?? 0 }], tls: undefined, advertise: undefined },
      ...{ tokens: [adminToken(token)], kubeletClient: undefined, serviceCidr: "10.96.0.0/16" },
    }));
    const masters = new ThreeMasters(options, ca.certificatePem, await pair("root", "client"));
    t.teardown(async () => {
      for (const connection of masters.#connections) connection.close();
      await Promise.all([...masters.#processes.values()].map((served) => served.kill()));
      await rm(folder, { recursive: true, force: true });
    });
    await Promise.all(names.map((_, i) => masters.start(i)));
    return masters;
  }

  /** Resolves when it serves. */
  async start(i: number): Promise<void> {
    const served = await spawnUntilReady(process.execPath, [program, JSON.stringify(this.#options[i])]);
    this.#processes.set(i, served);
  }

  /** As an orderly restart does. @throws Error when it does not end in time, or not with code 0 */
  async stop(i: number): Promise<void> {
    const served = this.#process(i);
    served.child.kill("SIGTERM");
    const late = setTimeout(() => served.child.kill("SIGKILL"), stopTimeoutMs);
    await served.exited;
    clearTimeout(late);
    if (served.exit() !== "code 0") throw new Error(`m${i + 1} ended with ${served.exit()}: ${served.errors()}`);
  }

  /** `kill -9`. */
  async kill(i: number): Promise<void> {
    await this.#process(i).kill("SIGKILL");
  }

  /** The master that leads, as one that lives has it. */
  leader(): Promise<number> {
    return until("a leader", 20_000, async () => {
      for (const connection of this.#living()) {
        const { leader } = await connection.unary(rpcs.status, {}, { timeoutMs: 1_000 });
        for (const [i, other] of this.#connections.entries()) {
          if (!this.#lives(i)) continue;
          const { header } = await other.unary(rpcs.status, {}, { timeoutMs: 1_000 });
          if (header?.memberId === leader) return i;
        }
      }
      return undefined;
    });
  }

  /** The store of a master that lives, as etcd's clients see it. */
  etcd(i: number): EtcdConnection {
    return this.#connections[i] as EtcdConnection;
  }

  client(userAgent: string): BalancedKubeClient {
    return createKubeClient({ access: this.access, clock: systemClock, rng: seededRng(1), userAgent });
  }

  #living(): readonly EtcdConnection[] {
    return this.#connections.filter((_, i) => this.#lives(i));
  }

  #lives(i: number): boolean {
    return this.#processes.get(i)?.exit() === undefined;
  }

  #process(i: number): Served {
    const served = this.#processes.get(i);
    if (served === undefined) throw new Error(`m${i + 1} was never started`);
    return served;
  }
}
