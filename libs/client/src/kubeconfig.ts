// Reads and writes kubeconfig files. Ours carry one thing more than kubectl knows: the addresses of all masters, in an
// extension of the cluster entry that other programs ignore.
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse, stringify } from "yaml";

/** What is needed to reach a cluster as somebody. PEM texts; `servers` are https (or http) URLs without path. */
export interface ClusterAccess {
  /** Every master when the file names them, else the one server. At least one. */
  readonly servers: readonly string[];
  readonly caPem?: string;
  readonly clientCertificatePem?: string;
  readonly clientKeyPem?: string;
  readonly token?: string;
  readonly insecureSkipTlsVerify: boolean;
}

const serversExtension = "triarch.dev/servers";

/** @throws Error that names the file and the field */
export async function loadKubeconfig(file: string): Promise<ClusterAccess> {
  const text = await readFile(file, "utf8");
  return parseKubeconfig(text, file);
}

/** Follows `current-context`. Paths inside are relative to the file. */
export async function parseKubeconfig(text: string, file: string): Promise<ClusterAccess> {
  const fail = (what: string): never => {
    throw new Error(`kubeconfig ${file}: ${what}`);
  };
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    return fail(`not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const root = fields(document) ?? fail("not a YAML mapping");
  const contextName = textOf(root["current-context"]) ?? fail("current-context is missing");
  const named = (list: string, name: string, part: string): Fields => {
    const entries = Array.isArray(root[list]) ? root[list] : fail(`${list} is missing`);
    const entry = entries.map(fields).find((one) => one?.["name"] === name);
    return fields(entry?.[part]) ?? fail(`${list} has no "${name}" with a ${part}`);
  };
  const context = named("contexts", contextName, "context");
  const cluster = named("clusters", textOf(context["cluster"]) ?? fail("the context has no cluster"), "cluster");
  const user = named("users", textOf(context["user"]) ?? fail("the context has no user"), "user");

  const pem = async (from: Fields, field: string): Promise<string | undefined> => {
    const data = textOf(from[`${field}-data`]);
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    const path = textOf(from[field]);
    if (path === undefined) return undefined;
    return readFile(resolve(dirname(file), path), "utf8").catch((error: unknown) => fail(`${field}: ${String(error)}`));
  };
  const server = textOf(cluster["server"]) ?? fail(`cluster has no server`);
  const servers = extensionServers(cluster) ?? [server];
  for (const url of servers) if (!/^https?:\/\/[^/]+$/.test(url)) fail(`server "${url}" is not a plain http(s) URL`);
  const [caPem, clientCertificatePem, clientKeyPem] = await Promise.all([
    pem(cluster, "certificate-authority"),
    pem(user, "client-certificate"),
    pem(user, "client-key"),
  ]);
  if ((clientCertificatePem === undefined) !== (clientKeyPem === undefined))
    fail("client-certificate and client-key go together");
  const token = textOf(user["token"]);
  return {
    servers,
    ...(caPem === undefined ? {} : { caPem }),
    ...(clientCertificatePem === undefined ? {} : { clientCertificatePem }),
    ...(clientKeyPem === undefined ? {} : { clientKeyPem }),
    ...(token === undefined ? {} : { token }),
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
  };
}

/** A kubeconfig with one context, everything inline. `server` is what kubectl uses; `access.servers` goes in the extension. */
export function renderKubeconfig(
  names: { cluster: string; user: string },
  server: string,
  access: ClusterAccess,
): string {
  const base64 = (pem: string): string => Buffer.from(pem, "utf8").toString("base64");
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": names.cluster,
    clusters: [
      {
        name: names.cluster,
        cluster: {
          server,
          ...(access.caPem === undefined ? {} : { "certificate-authority-data": base64(access.caPem) }),
          ...(access.insecureSkipTlsVerify ? { "insecure-skip-tls-verify": true } : {}),
          extensions: [{ name: serversExtension, extension: { servers: [...access.servers] } }],
        },
      },
    ],
    contexts: [{ name: names.cluster, context: { cluster: names.cluster, user: names.user } }],
    users: [
      {
        name: names.user,
        user: {
          ...(access.clientCertificatePem === undefined
            ? {}
            : { "client-certificate-data": base64(access.clientCertificatePem) }),
          ...(access.clientKeyPem === undefined ? {} : { "client-key-data": base64(access.clientKeyPem) }),
          ...(access.token === undefined ? {} : { token: access.token }),
        },
      },
    ],
  });
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function extensionServers(cluster: Fields): string[] | undefined {
  const extensions: unknown = cluster["extensions"];
  if (!Array.isArray(extensions)) return undefined;
  const ours = extensions.map(fields).find((one) => one?.["name"] === serversExtension);
  const servers = fields(ours?.["extension"])?.["servers"];
  if (!Array.isArray(servers) || servers.length === 0) return undefined;
  return servers.map(String);
}
