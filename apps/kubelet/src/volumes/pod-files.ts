// Files of a pod below the data directory: `pods/UID/volumes/NAME` for its volumes, `pods/UID/etc` for /etc/hosts and
// /etc/resolv.conf. They live as long as the pod.
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "@triarch/machine";
import type { Container, Pod, Volume } from "@triarch/api";
import type { Mount } from "@triarch/runtime-hollow";
import { ConfigError, type ConfigSource } from "../containers/config-source.ts";
import type { NodeFacts } from "../containers/downward-api.ts";
import { expand } from "../containers/environment.ts";
import { isProjected, projectedFiles } from "./projected-files.ts";
import { writeVolumeFiles } from "./volume-writer.ts";

export interface ClusterDns {
  /** Absent: pods get the node's resolv.conf whatever their policy. */
  readonly address?: string;
  readonly domain: string;
}

export interface PodFilesOptions {
  readonly dataDir: string;
  readonly source: ConfigSource;
  readonly node: NodeFacts;
  readonly dns: ClusterDns;
}

export class PodFiles {
  readonly #options: PodFilesOptions;

  constructor(options: PodFilesOptions) {
    this.#options = options;
  }

  /**
   * Makes (or brings up to date) every volume that the pod's containers mount.
   * @throws ConfigError naming the volume
   */
  async prepare(pod: Pod, podIp: string): Promise<void> {
    for (const volume of pod.spec?.volumes ?? []) await this.#volume(pod, volume, podIp);
    const etc = join(this.#folder(pod), "etc");
    await mkdir(etc, { recursive: true });
    await writeFile(join(etc, "resolv.conf"), await this.#resolvConf(pod));
    await writeFile(join(etc, "hosts"), hostsFile(pod, podIp, this.#options.dns.domain)); // last: `isPrepared`
  }

  /** Whether `prepare` has been through for a pod of this address: a kubelet that was started again goes on with it. */
  async isPrepared(pod: Pod, podIp: string): Promise<boolean> {
    const hosts = await readFile(join(this.#folder(pod), "etc", "hosts"), "utf8").catch(() => undefined);
    return hosts === hostsFile(pod, podIp, this.#options.dns.domain);
  }

  mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): readonly Mount[] {
    const targets = new Set((container.volumeMounts ?? []).map((mount) => mount.mountPath));
    const etc = ["hosts", "resolv.conf"]
      .filter((name) => !targets.has(`/etc/${name}`))
      .map((name) => ({
        hostPath: join(this.#folder(pod), "etc", name),
        containerPath: `/etc/${name}`,
        readOnly: false,
      }));
    const volumes = (container.volumeMounts ?? []).map((mount): Mount => {
      const volume = pod.spec?.volumes?.find((one) => one.name === mount.name);
      if (volume === undefined) throw new ConfigError(`volume "${mount.name}" is mounted but not declared`);
      const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, env);
      if (subPath?.split("/").includes("..") === true) throw new ConfigError(`subPath "${subPath}" leaves the volume`);
      const root = volume.hostPath?.path ?? this.#volumeFolder(pod, volume.name);
      return {
        hostPath: subPath === undefined || subPath === "" ? root : join(root, subPath),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly === true || isProjected(volume),
        ...(mount.mountPropagation === "Bidirectional" ? { propagation: "rshared" as const } : {}),
        ...(mount.mountPropagation === "HostToContainer" ? { propagation: "rslave" as const } : {}),
      };
    });
    return [...etc, ...volumes];
  }

  /** Folders that a mount with a subPath names and nobody made yet. */
  async makeSubPaths(mounts: readonly Mount[]): Promise<void> {
    for (const { hostPath } of mounts) {
      const exists = await stat(hostPath).then(
        () => true,
        () => false,
      );
      if (!exists) await mkdir(hostPath, { recursive: true });
    }
  }

  /** Takes away everything of a pod. */
  async remove(podUid: string): Promise<void> {
    const folder = join(this.#options.dataDir, "pods", podUid);
    const mounted = (await readFile("/proc/self/mounts", "utf8").catch(() => ""))
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .filter((path) => path.startsWith(`${folder}/`));
    for (const path of mounted) await runCommand("umount", [path]);
    await rm(folder, { recursive: true, force: true });
  }

  async #volume(pod: Pod, volume: Volume, podIp: string): Promise<void> {
    const folder = this.#volumeFolder(pod, volume.name);
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath !== undefined) return prepareHostPath(volume.hostPath);
    if (volume.emptyDir !== undefined) {
      const fresh = (await mkdir(folder, { recursive: true })) !== undefined;
      if (fresh) await chmod(folder, 0o777);
      if (fresh && fsGroup !== undefined) await chown(folder, -1, fsGroup);
      return;
    }
    if (!isProjected(volume)) {
      throw new ConfigError(`volume "${volume.name}": this kind of volume is not supported`);
    }
    const { source, node } = this.#options;
    await writeVolumeFiles(folder, await projectedFiles({ pod, volume, source, node, podIp }), fsGroup);
  }

  async #resolvConf(pod: Pod): Promise<string> {
    const { address, domain } = this.#options.dns;
    const policy = pod.spec?.dnsPolicy ?? "ClusterFirst";
    const lines: string[] = [];
    if (policy === "ClusterFirst" && address !== undefined) {
      lines.push(`search ${pod.metadata?.namespace}.svc.${domain} svc.${domain} ${domain}`);
      lines.push(`nameserver ${address}`, "options ndots:5");
    } else if (policy !== "None") {
      lines.push((await readFile("/etc/resolv.conf", "utf8").catch(() => "")).trimEnd());
    }
    const own = pod.spec?.dnsConfig;
    for (const server of own?.nameservers ?? []) lines.push(`nameserver ${server}`);
    if ((own?.searches ?? []).length > 0) lines.push(`search ${(own?.searches ?? []).join(" ")}`);
    const options = (own?.options ?? []).map(({ name, value }) => (value === undefined ? name : `${name}:${value}`));
    if (options.length > 0) lines.push(`options ${options.join(" ")}`);
    return `${lines.filter((line) => line !== "").join("\n")}\n`;
  }

  #folder(pod: Pod): string {
    return join(this.#options.dataDir, "pods", pod.metadata?.uid ?? "");
  }

  #volumeFolder(pod: Pod, name: string): string {
    return join(this.#folder(pod), "volumes", name);
  }
}

export function podHostname(pod: Pod): string {
  return (pod.spec?.hostname ?? pod.metadata?.name ?? "").slice(0, 63).replace(/[-.]+$/, "");
}

function hostsFile(pod: Pod, podIp: string, domain: string): string {
  const hostname = podHostname(pod);
  const subdomain = pod.spec?.subdomain;
  const full = subdomain === undefined ? [] : [`${hostname}.${subdomain}.${pod.metadata?.namespace}.svc.${domain}`];
  const aliases = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames }) => [ip, ...(hostnames ?? [])].join("\t"));
  return [
    "# Written by the kubelet.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    [podIp, ...full, hostname].join("\t"),
    ...aliases,
    "",
  ].join("\n");
}

async function prepareHostPath({ path, type }: NonNullable<Volume["hostPath"]>): Promise<void> {
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate") await writeFile(path, "", { flag: "a", mode: 0o644 });
  if (type === undefined || type === "") return;
  const found = await stat(path).catch(() => undefined);
  const fits =
    (type.startsWith("Directory") && found?.isDirectory()) ||
    (type.startsWith("File") && found?.isFile()) ||
    (type === "Socket" && found?.isSocket()) ||
    (type === "CharDevice" && found?.isCharacterDevice()) ||
    (type === "BlockDevice" && found?.isBlockDevice());
  if (fits !== true) throw new ConfigError(`hostPath type check failed: ${path} is not a ${type}`);
}
