// As whom and how confined pods and containers run.
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from "../generated/types.generated.ts";
import type { JsonValue } from "../json.ts";
import { duplicate, invalid, notSupported, required, tooLong } from "../meta/field-error.ts";
import { checkEnum, checkRange, type Errors } from "./basics.ts";
import { goStruct } from "./changes.ts";
import { checkWindowsOptions } from "./pod-os.ts";
import { checkDescendingPath } from "./volume-files.ts";

const idMax = 2_147_483_647;
const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"];
const appArmorProfileLengthMax = 4095;
const sysctlLengthMax = 253;
const sysctlSegment = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlPattern = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlRegExp = new RegExp(sysctlPattern);

/** Whether the pod has a user namespace of its own; without one root in it is root on the node. */
export function usesHostUsers(spec: Partial<PodSpec>): boolean {
  return spec.hostUsers !== false;
}

export function checkSecurityContext(
  errors: Errors,
  path: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (context === undefined) return;
  checkRange(errors, `${path}.runAsUser`, context.runAsUser, 0, idMax);
  checkRange(errors, `${path}.runAsGroup`, context.runAsGroup, 0, idMax);
  const mount = context.procMount;
  if (mount !== undefined) {
    checkEnum(errors, `${path}.procMount`, mount, ["Default", "Unmasked"], "unsupported");
    if (hostUsers && mount === "Unmasked") {
      errors.push(invalid(`${path}.procMount`, mount, "`hostUsers` must be false to use `Unmasked`"));
    }
  }
  checkSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    const refuse = (what: string): void => {
      const shown = context as unknown as JsonValue;
      errors.push(invalid(path, shown, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`));
    };
    if (context.privileged === true) refuse("`privileged` to true");
    for (const capability of context.capabilities?.add ?? []) {
      if (capability === "CAP_SYS_ADMIN") refuse("`capabilities.Add` CAP_SYS_ADMIN");
    }
  }
  checkWindowsOptions(errors, `${path}.windowsOptions`, context.windowsOptions);
  checkAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile);
}

export function checkPodSecurityContext(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const context = spec.securityContext ?? {};
  for (const field of ["fsGroup", "runAsUser", "runAsGroup"] as const) {
    checkRange(errors, `${path}.${field}`, context[field], 0, idMax);
  }
  (context.supplementalGroups ?? []).forEach((group, i) => {
    checkRange(errors, `${path}.supplementalGroups[${i}]`, group, 0, idMax);
  });
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const text = "ShareProcessNamespace and HostPID cannot both be enabled";
    errors.push(invalid(`${path}.shareProcessNamespace`, true, text));
  }
  checkSysctls(errors, `${path}.sysctls`, spec);
  checkSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile);
  checkWindowsOptions(errors, `${path}.windowsOptions`, context.windowsOptions);
  checkAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile);
  checkPolicies(errors, path, context);
}

function checkPolicies(errors: Errors, path: string, context: PodSecurityContext): void {
  for (const [field, choices] of [
    ["fsGroupChangePolicy", ["Always", "OnRootMismatch"]],
    ["supplementalGroupsPolicy", ["Merge", "Strict"]],
    // The other way, MountOption, comes with a later version.
    ["seLinuxChangePolicy", ["Recursive"]],
  ] as const) {
    const value = context[field];
    if (value !== undefined) checkEnum(errors, `${path}.${field}`, value, choices, "unsupported");
  }
}

function checkSysctls(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const names = new Set<string>();
  const sysctls: readonly { readonly name?: string }[] = spec.securityContext?.sysctls ?? [];
  sysctls.forEach(({ name = "" }, i) => {
    const field = `${path}[${i}].name`;
    if (name === "") errors.push(required(field));
    else if (name.length > sysctlLengthMax || !sysctlRegExp.test(name)) {
      errors.push(
        invalid(field, name, `must have at most ${sysctlLengthMax} characters and match regex ${sysctlPattern}`),
      );
    } else if (names.has(name)) errors.push(duplicate(field, name));
    names.add(name);
    const inUse = hostNamespaceOf(name, spec);
    if (inUse !== undefined) errors.push(invalid(field, name, `may not be specified when '${inUse}' is true`));
  });
}

/** A parameter of a namespace that the pod shares with its node would change the node. */
function hostNamespaceOf(sysctl: string, spec: Partial<PodSpec>): string | undefined {
  const name = sysctl.replaceAll("/", ".");
  if (spec.hostNetwork === true && name.startsWith("net.")) return "hostNetwork";
  const ipc = /^(?:kernel\.(?:shm|msg|sem)|fs\.mqueue\.)/.test(name);
  return spec.hostIPC === true && ipc ? "hostIPC" : undefined;
}

function checkSeccomp(errors: Errors, path: string, profile: SeccompProfile | undefined): void {
  if (profile === undefined) return;
  const { type = "", localhostProfile }: Partial<SeccompProfile> = profile;
  if (type === "") errors.push(required(`${path}.type`, "type is required when seccompProfile is set"));
  else if (!profileTypes.includes(type)) errors.push(notSupported(`${path}.type`, type, profileTypes));
  const field = `${path}.localhostProfile`;
  if (type !== "Localhost") {
    if (localhostProfile !== undefined) {
      const shown = goStruct("io.k8s.api.core.v1.SeccompProfile", { ...profile });
      errors.push(invalid(field, shown, "can only be set when seccomp type is Localhost"));
    }
  } else if (localhostProfile === undefined) {
    errors.push(required(field, "must be set when seccomp type is Localhost"));
  } else {
    checkDescendingPath(errors, field, localhostProfile);
  }
}

function checkAppArmor(errors: Errors, path: string, profile: AppArmorProfile | undefined): void {
  if (profile === undefined) return;
  const { type = "", localhostProfile: name }: Partial<AppArmorProfile> = profile;
  const field = `${path}.localhostProfile`;
  if (type === "Localhost") {
    if (name === undefined || name === "") errors.push(required(field, "must be set when AppArmor type is Localhost"));
    else if (name !== name.trim()) errors.push(invalid(field, name, "must not be padded with whitespace"));
    if ((name ?? "").length > appArmorProfileLengthMax) errors.push(tooLong(field, appArmorProfileLengthMax));
  } else if (type === "") {
    errors.push(required(`${path}.type`, "type is required when appArmorProfile is set"));
  } else if (!profileTypes.includes(type)) {
    errors.push(notSupported(`${path}.type`, type, profileTypes));
  } else if (name !== undefined) {
    errors.push(invalid(field, name, "can only be set when AppArmor type is Localhost"));
  }
}
