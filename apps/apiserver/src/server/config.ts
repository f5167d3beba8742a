// A master's configuration file (YAML): what it is called, where it listens, with which certificates. Every mistake is
// named with the key it is under.
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { parseTokenFile } from "@triarch/auth";
import { parseListenAddress, UsageError } from "./usage-error.ts";
import type { MasterOptions } from "./master.ts";
import { readStoreTuning } from "./store-config.ts";

type Section = Readonly<Record<string, unknown>>;

/** Reads the file and everything it names. @throws UsageError | Error that a file can't be read */
export async function readConfig(file: string): Promise<Omit<MasterOptions, "logLevels">> {
  const root = section(parseText(await readNamed(file, "--config"), file), file);
  const at = (path: string): string => resolve(dirname(file), path);
  const reader = new ConfigReader(file, at);
  reader.only(root, "", [
    "name",
    "dataDir",
    "clusterToken",
    "initialCluster",
    "clusterId",
    "join",
    "api",
    "serviceAccounts",
    "kubeletClient",
    "etcd",
    "peer",
    "serviceCidr",
    "flowControl",
    "store",
  ]);
  const api = reader.section(root, "api", ["listen", "advertise", "certFile", "keyFile", "clientCaFile", "tokenFile"]);
  const peer = reader.section(root, "peer", ["listen", "certFile", "keyFile", "caFile"]);
  const etcd =
    root["etcd"] === undefined
      ? undefined
      : reader.section(root, "etcd", ["listen", "certFile", "keyFile", "clientCaFile"]);
  const kubelet =
    root["kubeletClient"] === undefined
      ? undefined
      : reader.section(root, "kubeletClient", ["certFile", "keyFile", "caFile"]);
  const serviceAccounts =
    root["serviceAccounts"] === undefined ? undefined : reader.section(root, "serviceAccounts", ["keyFile"]);
  const flowControl = root["flowControl"] === undefined ? {} : reader.section(root, "flowControl", ["seatsTotal"]);
  const advertise = reader.optionalText(api, "api.advertise");
  const tokenFile = reader.optionalText(api, "api.tokenFile");
  return {
    name: reader.text(root, "name"),
    dataDir: at(reader.text(root, "dataDir")),
    clusterToken: reader.text(root, "clusterToken"),
    initialCluster: reader.members(root),
    clusterId: reader.id(root, "clusterId"),
    join: reader.join(root),
    listen: reader.texts(api, "api.listen").map((text) => parseListenAddress(text, "api.listen")),
    tls: {
      certificatePem: await reader.file(api, "api.certFile"),
      keyPem: await reader.file(api, "api.keyFile"),
      clientCaPem: await reader.file(api, "api.clientCaFile"),
    },
    advertise: advertise === undefined ? undefined : parseListenAddress(advertise, "api.advertise"),
    tokens: tokenFile === undefined ? [] : parseTokenFile(await readNamed(at(tokenFile), "api.tokenFile"), tokenFile),
    serviceAccountKeyPem:
      serviceAccounts === undefined ? undefined : await reader.file(serviceAccounts, "serviceAccounts.keyFile"),
    kubeletClient:
      kubelet === undefined
        ? undefined
        : {
            certificatePem: await reader.file(kubelet, "kubeletClient.certFile"),
            keyPem: await reader.file(kubelet, "kubeletClient.keyFile"),
            caPem: kubelet["caFile"] === undefined ? undefined : await reader.file(kubelet, "kubeletClient.caFile"),
          },
    peer: {
      listen: parseListenAddress(reader.text(peer, "peer.listen"), "peer.listen"),
      tls: {
        cert: await reader.file(peer, "peer.certFile"),
        key: await reader.file(peer, "peer.keyFile"),
        ca: await reader.file(peer, "peer.caFile"),
      },
    },
    etcd:
      etcd === undefined
        ? undefined
        : {
            listen: parseListenAddress(reader.text(etcd, "etcd.listen"), "etcd.listen"),
            tls: {
              cert: await reader.file(etcd, "etcd.certFile"),
              key: await reader.file(etcd, "etcd.keyFile"),
              clientCa: await reader.file(etcd, "etcd.clientCaFile"),
            },
          },
    serviceCidr: reader.optionalText(root, "serviceCidr") ?? "10.96.0.0/16",
    seatsTotal: reader.optionalCount(flowControl, "flowControl.seatsTotal"),
    tuning: readStoreTuning(root["store"], file, at),
  };
}

class ConfigReader {
  readonly #file: string;
  readonly #at: (path: string) => string;

  constructor(file: string, at: (path: string) => string) {
    this.#file = file;
    this.#at = at;
  }

  /** Unknown keys are mistakes: a misspelled option must not be silently without effect. */
  only(given: Section, path: string, known: readonly string[]): void {
    for (const key of Object.keys(given)) {
      if (!known.includes(key))
        this.#fail(path === "" ? key : `${path}.${key}`, `is not known; known are ${known.join(", ")}`);
    }
  }

  section(root: Section, key: string, known: readonly string[]): Section {
    const found = section(root[key], `${this.#file}: ${key}`);
    this.only(found, key, known);
    return found;
  }

  text(given: Section, path: string): string {
    return this.optionalText(given, path) ?? this.#fail(path, "is missing");
  }

  optionalText(given: Section, path: string): string | undefined {
    const value = given[lastOf(path)];
    if (value === undefined) return undefined;
    return typeof value === "string" && value !== "" ? value : this.#fail(path, "must be a text");
  }

  optionalCount(given: Section, path: string): number | undefined {
    const value = given[lastOf(path)];
    if (value === undefined) return undefined;
    return typeof value === "number" && Number.isSafeInteger(value) && value > 0
      ? value
      : this.#fail(path, "must be a whole number above 0");
  }

  texts(given: Section, path: string): readonly string[] {
    const value = given[lastOf(path)];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0) return this.#fail(path, "is empty");
    return list.map((item) =>
      typeof item === "string" ? item : this.#fail(path, "must be a text or a list of texts"),
    );
  }

  async file(given: Section, path: string): Promise<string> {
    return readNamed(this.#at(this.text(given, path)), `${this.#file}: ${path}`);
  }

  members(root: Section): MasterOptions["initialCluster"] {
    const cluster = section(root["initialCluster"], `${this.#file}: initialCluster`);
    return Object.entries(cluster).map(([name, value]) => {
      const path = `initialCluster.${name}`;
      const member = section(value, `${this.#file}: ${path}`);
      this.only(member, path, ["peerUrl", "clientUrl", "id"]);
      return {
        name,
        id: this.id(member, `${path}.id`),
        peerUrl: this.text(member, `${path}.peerUrl`),
        clientUrl: this.optionalText(member, `${path}.clientUrl`),
      };
    });
  }

  /** Hexadecimal, as `etcdctl member list` shows it. */
  id(given: Section, path: string): bigint | undefined {
    const value = given[lastOf(path)];
    if (value === undefined) return undefined;
    if (typeof value !== "string" || !/^[0-9a-f]{1,16}$/.test(value)) {
      return this.#fail(path, "must be an id in hexadecimal, in quotes");
    }
    return BigInt(`0x${value}`);
  }

  /** "existing": the master was added to a running cluster. @returns false for a master that its cluster begins with */
  join(root: Section): boolean {
    const value = this.optionalText(root, "join") ?? "new";
    if (value !== "new" && value !== "existing") return this.#fail("join", 'must be "new" or "existing"');
    const { clusterId, initialCluster } = root;
    const members = Object.values(section(initialCluster, `${this.#file}: initialCluster`));
    const complete =
      clusterId !== undefined && members.every((one) => (one as Section | undefined)?.["id"] !== undefined);
    if (value === "existing" && !complete) this.#fail("join", "existing needs clusterId, and an id for each member");
    return value === "existing";
  }

  #fail(path: string, why: string): never {
    throw new UsageError(`${this.#file}: ${path} ${why}`);
  }
}

function section(value: unknown, where: string): Section {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`${where}: must be a map`);
  }
  return value as Section;
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

function parseText(text: string, file: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message.split("\n")[0]}`);
  }
}

async function readNamed(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`${what}: can't read ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    });
  }
}
