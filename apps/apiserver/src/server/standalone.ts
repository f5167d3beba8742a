// An API server alone on a one-member store: for tests of operators and clients.
import { join } from "node:path";
import type { StaticToken } from "@triarch/auth";
import { ensureCa, ensureCertificate, ensureSigningKey } from "@triarch/pki";
import type { MasterOptions } from "./master.ts";

export interface StandaloneOptions {
  readonly dataDir: string;
  /** On 127.0.0.1; 0: any free one. */
  readonly port: number;
  /** Who sends it is `admin` in `system:masters`. */
  readonly token: string | undefined;
  /** False: plain HTTP. True: TLS by an authority in `dataDir/pki`, which also signs an admin's certificate. */
  readonly secure: boolean;
  readonly serviceCidr: string;
  readonly logLevels: string;
}

const host = "127.0.0.1";
const validityDays = 365;

/** Where the files lie that clients of a secure stand-alone server need. */
export function standaloneFiles(dataDir: string): {
  readonly ca: string;
  readonly adminCert: string;
  readonly adminKey: string;
} {
  const file = (name: string): string => join(dataDir, "pki", name);
  return { ca: file("ca.crt"), adminCert: file("admin.crt"), adminKey: file("admin.key") };
}

export async function standaloneMaster(options: StandaloneOptions): Promise<MasterOptions> {
  const { dataDir, port, token, secure, serviceCidr, logLevels } = options;
  return {
    name: "standalone",
    dataDir,
    clusterToken: "standalone",
    initialCluster: [{ name: "standalone", peerUrl: `http://${host}:2380`, clientUrl: undefined }],
    // Nobody is to dial it: one member needs no peers.
    peer: { listen: { host, port: 0 }, tls: undefined },
    etcd: undefined,
    listen: [{ host, port }],
    tls: secure ? await ownCertificates(dataDir) : undefined,
    advertise: undefined,
    tokens: token === undefined ? [] : [adminToken(token)],
    serviceAccountKeyPem: await ensureSigningKey(join(dataDir, "pki"), "sa"),
    furnishesNamespaces: true,
    kubeletClient: undefined,
    serviceCidr,
    logLevels,
  };
}

export function adminToken(token: string): StaticToken {
  return { token, user: { name: "admin", uid: "admin", groups: ["system:masters"] } };
}

async function ownCertificates(dataDir: string): Promise<MasterOptions["tls"]> {
  const folder = join(dataDir, "pki");
  const nowMs = Date.now();
  const ca = await ensureCa(folder, "ca", { commonName: "triarch standalone", nowMs, validityDays });
  const serving = await ensureCertificate(folder, "apiserver", ca, {
    commonName: "kube-apiserver",
    dnsNames: ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"],
    ipAddresses: [host],
    usages: ["server"],
    nowMs,
    validityDays,
  });
  await ensureCertificate(folder, "admin", ca, {
    commonName: "kubernetes-admin",
    organizations: ["system:masters"],
    usages: ["client"],
    nowMs,
    validityDays,
  });
  return { certificatePem: serving.certificatePem, keyPem: serving.keyPem, clientCaPem: ca.certificatePem };
}
