import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startStore, type EtcdServer, type RunningStore } from "@triarch/etcd-server";
import { createCa, issueCertificate, type KeyPair } from "@triarch/pki";
import { createRegistry, silentLogger } from "@triarch/telemetry";
import { startEtcdGrpc, type EtcdGrpcOptions } from "../src/index.ts";

/** One member on a disk of its own behind a real port with mutual TLS. */
export interface EtcdPort {
  readonly url: string;
  readonly server: EtcdServer;
  readonly memberId: bigint;
  readonly caPem: string;
  /** Of a client that the port knows, and of one that another CA of the same name vouches for. */
  readonly client: KeyPair;
  readonly stranger: KeyPair;
  readonly etcdctl: (...args: readonly string[]) => Promise<CtlRun>;
  /** `etcdctl` with what to type into it, or with other credentials. */
  readonly etcdctlWith: (
    options: { readonly input?: string; readonly as?: KeyPair },
    ...args: readonly string[]
  ) => Promise<CtlRun>;
  /** Runs `etcdctl watch` until its output holds `last`, then ends it. @returns the output */
  readonly etcdctlWatch: (last: string, ...args: readonly string[]) => Promise<string>;
  close(): Promise<void>;
}

export interface CtlRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function startEtcdPort(dir: string, options: PortOptions = {}): Promise<EtcdPort> {
  const credentials = await makeCredentials();
  const store = await startStore({
    name: "m1",
    dataDir: join(dir, "data"),
    clusterToken: "test",
    initialMembers: [{ name: "m1", peerUrls: ["http://127.0.0.1:0"] }],
    clientUrls: ["https://127.0.0.1:2379"],
    listenPeer: { host: "127.0.0.1", port: 0 },
    timing: { tickMs: 10 },
    logger: silentLogger,
    onFatal: (error) => {
      throw error;
    },
  });
  const port = await openPort({ dir, store, credentials, ...options });
  await store.server.readBarrier(); // there is a leader
  return port;
}

type PortOptions = Partial<Omit<EtcdGrpcOptions, "server" | "host" | "port" | "tls" | "logger">>;

/** @param options.dir for the client's files */
export async function openPort(
  options: PortOptions & {
    readonly dir: string;
    readonly store: RunningStore;
    readonly credentials: Credentials;
  },
): Promise<EtcdPort> {
  const { dir, store, credentials, ...rest } = options;
  const { server } = store;
  const { client, stranger } = credentials;
  const port = await startEtcdGrpc({
    server,
    host: "127.0.0.1",
    port: 0,
    tls: {
      cert: credentials.port.certificatePem,
      key: credentials.port.keyPem,
      clientCa: credentials.ca.certificatePem,
    },
    logger: silentLogger,
    registry: createRegistry("etcd-port"),
    ...rest,
  });
  const flags = connectionFlags({ dir, urls: [port.url], credentials });
  const etcdctlWith = etcdctlFor({ dir, urls: [port.url], credentials });
  return {
    url: port.url,
    server,
    memberId: store.memberId,
    caPem: credentials.ca.certificatePem,
    client,
    stranger,
    etcdctl: (...args) => etcdctlWith({}, ...args),
    etcdctlWith,
    etcdctlWatch: (last, ...args) => runUntil(last, [...flags(client), "watch", ...args]),
    async close() {
      await port.close();
      await store.close();
    },
  };
}

interface ClientSide {
  /** For the client's files. */
  readonly dir: string;
  readonly urls: readonly string[];
  readonly credentials: Credentials;
}

export function etcdctlFor(side: ClientSide): EtcdPort["etcdctlWith"] {
  const flags = connectionFlags(side);
  return ({ input, as = side.credentials.client }, ...args) => run([...flags(as), ...args], input);
}

/** Writes the client's files. @returns flags of etcdctl that say where to and as whom */
export function connectionFlags({ dir, urls, credentials }: ClientSide): (as: KeyPair) => readonly string[] {
  const { client, stranger, ca } = credentials;
  const caFile = writePem(dir, "ca.crt", ca.certificatePem);
  const filesOf = new Map(
    [client, stranger].map((pair, i) => [
      pair,
      [`--cert=${writePem(dir, `${i}.crt`, pair.certificatePem)}`, `--key=${writePem(dir, `${i}.key`, pair.keyPem)}`],
    ]),
  );
  return (as) => [`--endpoints=${urls.join(",")}`, `--cacert=${caFile}`, ...(filesOf.get(as) ?? [])];
}

const runTimeoutMs = 20_000;
const env = { PATH: process.env["PATH"], ETCDCTL_API: "3" };

function run(args: readonly string[], input = ""): Promise<CtlRun> {
  return new Promise((resolve) => {
    const child = execFile("etcdctl", args, { env, timeout: runTimeoutMs }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

export function runUntil(last: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("etcdctl", args, { env, timeout: runTimeoutMs });
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(last)) child.kill();
    });
    child.once("error", reject).once("close", () => resolve(output));
  });
}

export type Credentials = Awaited<ReturnType<typeof makeCredentials>>;

export async function makeCredentials() {
  const nowMs = Date.now();
  const request = { commonName: "etcd-ca", nowMs, validityDays: 2 };
  const [ca, otherCa] = await Promise.all([createCa(request), createCa(request)]);
  const leaf = { nowMs, validityDays: 1, ipAddresses: ["127.0.0.1"], dnsNames: ["localhost"] };
  return {
    ca,
    port: await issueCertificate(ca, { ...leaf, commonName: "m1", usages: ["server"] }),
    client: await issueCertificate(ca, { ...leaf, commonName: "admin", usages: ["client"] }),
    stranger: await issueCertificate(otherCa, { ...leaf, commonName: "admin", usages: ["client"] }),
  };
}

function writePem(dir: string, name: string, pem: string): string {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, name);
  writeFileSync(file, pem, { mode: 0o600 });
  return file;
}

/** Options of a test that needs the program. */
export const needsEtcdctl = {
  skip: spawnSync("etcdctl", ["version"]).status === 0 ? false : "etcdctl is not installed",
};
