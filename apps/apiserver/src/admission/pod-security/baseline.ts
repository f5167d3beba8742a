// The baseline: what is known to break out of a container. In the order of their ids, which is the order of the texts.
import { type JsonObject, ownField, textAt } from "@triarch/api";
import {
  type Check,
  containersText,
  hasOwnUsers,
  namesWhere,
  plural,
  quoted,
  quotedSet,
  settersText,
  type Subject,
  type Violation,
} from "./check.ts";
import { badHosts, badSeLinux, seLinuxTypes } from "./baseline-parts.ts";

const level = "baseline";
const defaultCapabilities: ReadonlySet<string> = new Set(
  (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID " +
    "SYS_CHROOT"
  ).split(" "),
);
const seccompPrefix = "container.seccomp.security.alpha.kubernetes.io/";
const appArmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
/** Names of sysctls, each list joining the ones before it from its version on. */
const safeSysctls: readonly (readonly [since: number, names: string])[] = [
  [
    0,
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.tcp_syncookies net.ipv4.ping_group_range " +
      "net.ipv4.ip_unprivileged_port_start",
  ],
  [27, "net.ipv4.ip_local_reserved_ports"],
  [
    29,
    "net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes",
  ],
  [32, "net.ipv4.tcp_rmem net.ipv4.tcp_wmem"],
];

export const baselineChecks: readonly Check[] = [
  { id: "appArmorProfile", level, since: 0, judge: appArmor },
  { id: "capabilities_baseline", level, since: 0, judge: capabilities },
  { id: "hostNamespaces", level, since: 0, judge: hostNamespaces },
  { id: "hostPathVolumes", level, since: 0, judge: hostPaths },
  { id: "hostPorts", level, since: 0, judge: hostPorts },
  { id: "hostProbesAndHostLifecycle", level, since: 34, judge: hostsOfProbes },
  { id: "privileged", level, since: 0, judge: privileged },
  { id: "procMount", level, since: 0, until: 34, judge: procMount },
  { id: "procMount", level, since: 35, judge: (subject) => (hasOwnUsers(subject) ? undefined : procMount(subject)) },
  { id: "seLinuxOptions", level, since: 0, until: 30, judge: (subject) => seLinux(subject, 0) },
  { id: "seLinuxOptions", level, since: 31, judge: (subject) => seLinux(subject, 31) },
  { id: "seccompProfile_baseline", level, since: 0, until: 18, judge: seccompAnnotations },
  { id: "seccompProfile_baseline", level, since: 19, judge: seccomp },
  ...safeSysctls.map(([since], at): Check => {
    const next = safeSysctls[at + 1]?.[0];
    const safe = new Set(safeSysctls.slice(0, at + 1).flatMap(([, names]) => names.split(" ")));
    const bounds = { since, ...(next === undefined ? {} : { until: next - 1 }) };
    return { id: "sysctls", level, ...bounds, judge: (subject) => sysctls(subject, safe) };
  }),
  { id: "windowsHostProcess", level, since: 0, judge: hostProcess },
];

function appArmor(subject: Subject): Violation | undefined {
  const podType = subject.spec.securityContext?.appArmorProfile?.type;
  const values: string[] = isBadProfile(podType) ? [podType] : [];
  const byPod = values.length > 0;
  const names = namesWhere(subject, ({ appArmorProfile }) => {
    if (!isBadProfile(appArmorProfile?.type)) return false;
    values.push(appArmorProfile?.type ?? "");
    return true;
  });
  const annotations = Object.keys(subject.annotations)
    .filter((key) => key.startsWith(appArmorPrefix) && !isAllowedAppArmor(textAt(subject.annotations, key)))
    .map((key) => `${key}=${JSON.stringify(textAt(subject.annotations, key))}`)
    .sort();
  const setters = settersText(byPod, names);
  const who = [setters, annotations.length === 0 ? "" : plural(annotations.length, "annotation")].filter(Boolean);
  if (who.length === 0) return undefined;
  const bad = [...[...new Set(values)].sort(), ...annotations];
  return {
    reason: plural(bad.length, "forbidden AppArmor profile"),
    detail: `${who.join(" and ")} must not set AppArmor profile type to ${quoted(bad)}`,
  };
}

function isAllowedAppArmor(value: string): boolean {
  return value === "" || value === "runtime/default" || value.startsWith("localhost/");
}

/** A type of seccomp or AppArmor profile that switches the protection off. */
export function isBadProfile(type: string | undefined): type is string {
  return type !== undefined && type !== "RuntimeDefault" && type !== "Localhost";
}

function capabilities(subject: Subject): Violation | undefined {
  const bad: string[] = [];
  const names = namesWhere(subject, ({ capabilities: given }) => {
    const added = (given?.add ?? []).filter((name) => !defaultCapabilities.has(name));
    bad.push(...added);
    return added.length > 0;
  });
  if (names.length === 0) return undefined;
  return {
    reason: "non-default capabilities",
    detail: `${containersText(names)} must not include ${quotedSet(bad)} in securityContext.capabilities.add`,
  };
}

function hostNamespaces({ spec }: Subject): Violation | undefined {
  const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field] === true);
  if (shared.length === 0) return undefined;
  return { reason: "host namespaces", detail: shared.map((field) => `${field}=true`).join(", ") };
}

function hostPaths({ spec }: Subject): Violation | undefined {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: "hostPath volumes", detail: `${plural(names.length, "volume")} ${quoted(names)}` };
}

function hostPorts(subject: Subject): Violation | undefined {
  const ports = new Set<string>();
  const names = namesWhere(subject, (_security, container) => {
    const taken = (container.ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
    for (const port of taken) ports.add(port);
    return taken.length > 0;
  });
  if (names.length === 0) return undefined;
  const uses = `${plural(names.length, "uses", "use")} ${plural(ports.size, "hostPort")}`;
  return { reason: "hostPort", detail: `${containersText(names)} ${uses} ${[...ports].sort().join(", ")}` };
}

function hostsOfProbes(subject: Subject): Violation | undefined {
  const hosts = new Set<string>();
  const names = namesWhere(subject, (_security, container) => {
    const bad = badHosts(container);
    for (const host of bad) hosts.add(host);
    return bad.length > 0;
  });
  if (names.length === 0) return undefined;
  const unique = [...new Set(names)].sort();
  const uses = `${plural(unique.length, "uses", "use")} ${plural(hosts.size, "probe or lifecycle host")}`;
  return { reason: "probe or lifecycle host", detail: `${containersText(unique)} ${uses} ${quotedSet(hosts)}` };
}

function privileged(subject: Subject): Violation | undefined {
  const names = namesWhere(subject, (security) => security.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: "privileged", detail: `${containersText(names)} must not set securityContext.privileged=true` };
}

export function procMount(subject: Subject): Violation | undefined {
  const types: string[] = [];
  const names = namesWhere(subject, (security) => {
    if (security.procMount === undefined || security.procMount === "Default") return false;
    types.push(security.procMount);
    return true;
  });
  if (names.length === 0) return undefined;
  const detail = `${containersText(names)} must not set securityContext.procMount to ${quotedSet(types)}`;
  return { reason: "procMount", detail };
}

function seLinux(subject: Subject, minor: number): Violation | undefined {
  const allowed = seLinuxTypes(minor);
  const own = subject.spec.securityContext?.seLinuxOptions;
  const options = [own, ...subject.containers.map(({ securityContext }) => securityContext?.seLinuxOptions)];
  const isBad = (option: typeof own): boolean => option !== undefined && badSeLinux([option], allowed) !== "";
  const setters = settersText(
    isBad(own),
    namesWhere(subject, ({ seLinuxOptions }) => isBad(seLinuxOptions)),
  );
  if (setters === "") return undefined;
  const bad = badSeLinux(
    options.filter((option) => option !== undefined),
    allowed,
  );
  return { reason: "seLinuxOptions", detail: `${setters} set forbidden securityContext.seLinuxOptions: ${bad}` };
}

/** Before there was a field, annotations said it. */
function seccompAnnotations({ annotations, containers }: Subject): Violation | undefined {
  const keys = ["seccomp.security.alpha.kubernetes.io/pod", ...containers.map(({ name }) => seccompPrefix + name)];
  const bad = keys
    .filter((key) => ownField(annotations, key) !== undefined && !isAllowedSeccomp(annotations, key))
    .map((key) => `${key}=${JSON.stringify(textAt(annotations, key))}`);
  if (bad.length === 0) return undefined;
  const unique = [...new Set(bad)].sort();
  return {
    reason: "seccompProfile",
    detail: `forbidden ${plural(unique.length, "annotation")} ${unique.join(", ")}`,
  };
}

function isAllowedSeccomp(annotations: JsonObject, key: string): boolean {
  const value = textAt(annotations, key);
  return value === "runtime/default" || value === "docker/default" || value.startsWith("localhost/");
}

/** Also the first half of the restricted form: what is set must be safe. */
export function seccomp(subject: Subject): Violation | undefined {
  const own = subject.spec.securityContext?.seccompProfile?.type;
  const types = [own, ...subject.containers.map(({ securityContext }) => securityContext?.seccompProfile?.type)];
  const names = namesWhere(subject, ({ seccompProfile }) => isBadProfile(seccompProfile?.type));
  const setters = settersText(isBadProfile(own), names);
  if (setters === "") return undefined;
  const detail = `${setters} must not set securityContext.seccompProfile.type to ${quotedSet(types.filter(isBadProfile))}`;
  return { reason: "seccompProfile", detail };
}

function sysctls({ spec }: Subject, safe: ReadonlySet<string>): Violation | undefined {
  const bad = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safe.has(name));
  return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
}

function hostProcess(subject: Subject): Violation | undefined {
  const byPod = subject.spec.securityContext?.windowsOptions?.hostProcess === true;
  const names = namesWhere(subject, ({ windowsOptions }) => windowsOptions?.hostProcess === true);
  const setters = settersText(byPod, names);
  if (setters === "") return undefined;
  return { reason: "hostProcess", detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
}
