// Every identity of a local cluster. Three authorities: the cluster's own (API clients and servers), one for clients of
// the etcd port, one for the links between masters; so that no Kubernetes identity opens the store.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  ensureCa,
  ensureCertificate,
  ensureSigningKey,
  keyPairPaths,
  type KeyPair,
  type KeyPairPaths,
} from "@triarch/pki";
import { renderKubeconfig } from "@triarch/client";
import { advertisedApiPort, networks, type ClusterPaths, type ClusterSpec } from "./cluster-spec.ts";

const caDays = 3_650;
const leafDays = 365;

export interface ClusterFiles {
  readonly clusterCa: string;
  readonly etcdCa: string;
  readonly peerCa: string;
  readonly etcdClient: KeyPairPaths;
  readonly kubeletClient: KeyPairPaths;
  /** Signs the tokens of service accounts. */
  readonly serviceAccountKey: string;
  /** By master name. */
  readonly serving: ReadonlyMap<string, KeyPairPaths>;
  readonly etcdServing: ReadonlyMap<string, KeyPairPaths>;
  readonly peer: ReadonlyMap<string, KeyPairPaths>;
  /** By worker name. */
  readonly kubeletServing: ReadonlyMap<string, KeyPairPaths>;
  readonly adminKubeconfig: string;
  readonly schedulerKubeconfig: string;
  readonly controllerManagerKubeconfig: string;
  readonly hostProxyKubeconfig: string;
  readonly kubeletKubeconfig: ReadonlyMap<string, string>;
  readonly proxyKubeconfig: ReadonlyMap<string, string>;
}

/** Makes what is missing and writes the kubeconfigs; what exists is kept. */
export async function ensureClusterFiles(spec: ClusterSpec, paths: ClusterPaths, nowMs: number): Promise<ClusterFiles> {
  const folder = paths.pki;
  await mkdir(paths.config, { recursive: true });
  const ca = (name: string, commonName: string): Promise<KeyPair> =>
    ensureCa(folder, name, { commonName, nowMs, validityDays: caDays });
  const clusterCa = await ca("ca", "triarch-ca");
  const etcdCa = await ca("etcd-ca", "triarch-etcd-ca");
  const peerCa = await ca("peer-ca", "triarch-peer-ca");
  const issue = async (
    name: string,
    authority: KeyPair,
    request: Omit<Parameters<typeof ensureCertificate>[3], "nowMs" | "validityDays">,
  ): Promise<KeyPair> => ensureCertificate(folder, name, authority, { ...request, nowMs, validityDays: leafDays });

  const serving = new Map<string, KeyPairPaths>();
  const etcdServing = new Map<string, KeyPairPaths>();
  const peer = new Map<string, KeyPairPaths>();
  const serviceNames = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
  ];
  for (const master of spec.masters) {
    const ips = ["127.0.0.1", ...(master.advertiseIp === undefined ? [] : [master.advertiseIp])];
    await issue(`${master.name}-apiserver`, clusterCa, {
      commonName: "kube-apiserver",
      dnsNames: ["localhost", ...serviceNames],
      ipAddresses: [...ips, networks.apiServiceIp],
      usages: ["server"],
    });
    serving.set(master.name, keyPairPaths(folder, `${master.name}-apiserver`));
    await issue(`${master.name}-etcd`, etcdCa, {
      commonName: master.name,
      dnsNames: ["localhost"],
      ipAddresses: ips,
      usages: ["server"],
    });
    etcdServing.set(master.name, keyPairPaths(folder, `${master.name}-etcd`));
    await issue(`${master.name}-peer`, peerCa, {
      commonName: master.name,
      dnsNames: ["localhost"],
      ipAddresses: ips,
      usages: ["server", "client"],
    });
    peer.set(master.name, keyPairPaths(folder, `${master.name}-peer`));
  }
  await ensureSigningKey(folder, "sa");
  await issue("etcd-client", etcdCa, { commonName: "root", usages: ["client"] });
  await issue("kubelet-client", clusterCa, {
    commonName: "kube-apiserver-kubelet-client",
    organizations: ["system:masters"],
    usages: ["client"],
  });

  const local = spec.masters.map((master) => `https://127.0.0.1:${master.apiPort}`);
  const advertised = spec.masters.map((master) =>
    master.advertiseIp === undefined
      ? `https://127.0.0.1:${master.apiPort}`
      : `https://${master.advertiseIp}:${advertisedApiPort}`,
  );
  const kubeconfig = async (
    file: string,
    certificateName: string,
    identity: { readonly commonName: string; readonly organizations?: readonly string[] },
    servers: readonly string[],
    server: string,
  ): Promise<string> => {
    const client = await issue(certificateName, clusterCa, { ...identity, usages: ["client"] });
    const text = renderKubeconfig({ cluster: "triarch", user: identity.commonName }, server, {
      servers,
      caPem: clusterCa.certificatePem,
      clientCertificatePem: client.certificatePem,
      clientKeyPem: client.keyPem,
      insecureSkipTlsVerify: false,
    });
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  const component = (
    name: string,
    identity: { commonName: string; organizations?: string[] },
    servers: readonly string[],
  ) => kubeconfig(join(paths.config, `${name}.kubeconfig`), name, identity, servers, servers[0] ?? "");

  const kubeletServing = new Map<string, KeyPairPaths>();
  const kubeletKubeconfig = new Map<string, string>();
  const proxyKubeconfig = new Map<string, string>();
  for (const worker of spec.workers) {
    await issue(`${worker.name}-kubelet-server`, clusterCa, {
      commonName: `system:node:${worker.name}`,
      dnsNames: [worker.name],
      ipAddresses: [worker.ip],
      usages: ["server"],
    });
    kubeletServing.set(worker.name, keyPairPaths(folder, `${worker.name}-kubelet-server`));
    const node = { commonName: `system:node:${worker.name}`, organizations: ["system:nodes"] };
    kubeletKubeconfig.set(worker.name, await component(`${worker.name}-kubelet`, node, advertised));
    proxyKubeconfig.set(
      worker.name,
      await component(`${worker.name}-proxy`, { commonName: "system:kube-proxy" }, advertised),
    );
  }
  await writeFile(paths.etcdEnv, etcdEnvironment(spec, folder), { mode: 0o600 });
  return {
    clusterCa: keyPairPaths(folder, "ca").certificateFile,
    etcdCa: keyPairPaths(folder, "etcd-ca").certificateFile,
    peerCa: keyPairPaths(folder, "peer-ca").certificateFile,
    etcdClient: keyPairPaths(folder, "etcd-client"),
    kubeletClient: keyPairPaths(folder, "kubelet-client"),
    serviceAccountKey: keyPairPaths(folder, "sa").keyFile,
    serving,
    etcdServing,
    peer,
    kubeletServing,
    adminKubeconfig: await kubeconfig(
      paths.kubeconfig,
      "admin",
      { commonName: "kubernetes-admin", organizations: ["system:masters"] },
      local,
      `https://127.0.0.1:${spec.balancedPort}`,
    ),
    schedulerKubeconfig: await component("scheduler", { commonName: "system:kube-scheduler" }, local),
    controllerManagerKubeconfig: await component(
      "controller-manager",
      { commonName: "system:kube-controller-manager" },
      local,
    ),
    hostProxyKubeconfig: await component("host-proxy", { commonName: "system:kube-proxy" }, local),
    kubeletKubeconfig,
    proxyKubeconfig,
  };
}

/** The variables that etcdctl reads, to be sourced by a shell. */
function etcdEnvironment(spec: ClusterSpec, pkiFolder: string): string {
  const client = keyPairPaths(pkiFolder, "etcd-client");
  const variables = {
    ETCDCTL_API: "3",
    ETCDCTL_ENDPOINTS: spec.masters.map((master) => `https://127.0.0.1:${master.etcdPort}`).join(","),
    ETCDCTL_CACERT: keyPairPaths(pkiFolder, "etcd-ca").certificateFile,
    ETCDCTL_CERT: client.certificateFile,
    ETCDCTL_KEY: client.keyFile,
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}
