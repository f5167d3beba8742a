import { access } from "node:fs/promises";
import { hasCommand, runCommand } from "./command.ts";

/** A Debian package and how to see that what we need of it is there (it may have come another way). */
export interface SystemPackage {
  readonly name: string;
  readonly purpose: string;
  present(): Promise<boolean>;
}

async function hasFile(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** What workers with real containers need. */
export const workerPackages: readonly SystemPackage[] = [
  { name: "docker.io", purpose: "container engine", present: () => hasCommand("dockerd") },
  { name: "iproute2", purpose: "network namespaces", present: () => hasCommand("ip") },
  { name: "iptables", purpose: "Service addresses", present: () => hasCommand("iptables-restore") },
  { name: "conntrack", purpose: "stale UDP flows", present: () => hasCommand("conntrack") },
  { name: "containernetworking-plugins", purpose: "pod network", present: () => hasFile("/usr/lib/cni/bridge") },
  { name: "busybox-static", purpose: "the local image", present: () => hasFile("/bin/busybox") },
];

/** What the tests need beside it. */
export const testPackages: readonly SystemPackage[] = [
  { name: "etcd-client", purpose: "etcdctl, unmodified", present: () => hasCommand("etcdctl") },
  { name: "etcd-server", purpose: "a real etcd to compare with", present: () => hasCommand("etcd") },
];

export async function missingPackages(wanted: readonly SystemPackage[]): Promise<SystemPackage[]> {
  const present = await Promise.all(wanted.map((one) => one.present()));
  return wanted.filter((_, i) => present[i] !== true);
}

/**
 * Installs Debian packages; needs root and apt. Services are not started by the installation (`policy-rc.d` is asked
 * through the environment), the caller starts what it needs.
 * @throws CommandError with apt's own words
 */
export async function installPackages(wanted: readonly SystemPackage[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const names = wanted.map((one) => one.name);
  const install = (): Promise<string> =>
    runCommand("apt-get", ["install", "-y", "--no-install-recommends", ...names], { env, timeoutMs: 600_000 });
  try {
    await install();
  } catch {
    // Old or missing package lists are the usual reason.
    await runCommand("apt-get", ["update"], { env, timeoutMs: 300_000 });
    await install();
  }
}
