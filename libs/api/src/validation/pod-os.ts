// The operating system a pod is for: what Linux pods and what Windows pods may not have.
import type {
  Container,
  EphemeralContainer,
  PodSpec,
  WindowsSecurityContextOptions,
} from "../generated/types.generated.ts";
import { forbidden, invalid, notSupported, required } from "../meta/field-error.ts";
import { dns1123Subdomain } from "../meta/names.ts";
import { checkText, type Errors } from "./basics.ts";

const credentialSpecKibMax = 64;
const domainLengthMax = 256;
const userLengthMax = 104;
const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const dnsName = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);

/** Every container of a pod with its path. */
export function containersOf(
  spec: Partial<PodSpec>,
  path: string,
): readonly (readonly [Container | EphemeralContainer, string])[] {
  const lists = ["initContainers", "containers", "ephemeralContainers"] as const;
  return lists.flatMap((list) =>
    (spec[list] ?? []).map((container, i) => [container, `${path}.${list}[${i}]`] as const),
  );
}

export function checkOs(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  if (spec.os === undefined) return;
  const { name = "" }: { readonly name?: string } = spec.os;
  if (name === "") errors.push(required(`${path}.os.name`, "cannot be empty"));
  else if (name === "linux") checkLinux(errors, path, spec);
  else if (name === "windows") checkWindows(errors, path, spec);
  else errors.push(notSupported(`${path}.os`, name, ["linux", "windows"]));
}

function checkLinux(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const text = "windows options cannot be set for a linux pod";
  const contexts = [
    [spec.securityContext, path] as const,
    ...containersOf(spec, path).map(([container, field]) => [container.securityContext, field] as const),
  ];
  for (const [context, field] of contexts) {
    if (context?.windowsOptions !== undefined) {
      errors.push(forbidden(`${field}.securityContext.windowsOptions`, text));
    }
  }
}

const linuxOfPods = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;
const linuxOfContainers = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

function checkWindows(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const refuse = (field: string): void => {
    errors.push(forbidden(field, "cannot be set for a windows pod"));
  };
  if (spec.hostUsers !== undefined) refuse(`${path}.hostUsers`);
  if (spec.hostPID === true) refuse(`${path}.hostPID`);
  if (spec.hostIPC === true) refuse(`${path}.hostIPC`);
  if (spec.shareProcessNamespace !== undefined) refuse(`${path}.shareProcessNamespace`);
  const context = spec.securityContext;
  for (const field of linuxOfPods) if (context?.[field] !== undefined) refuse(`${path}.securityContext.${field}`);
  if ((context?.sysctls ?? []).length > 0) refuse(`${path}.securityContext.sysctls`);
  for (const [{ securityContext }, field] of containersOf(spec, path)) {
    for (const name of linuxOfContainers) {
      if (securityContext?.[name] !== undefined) refuse(`${field}.securityContext.${name}`);
    }
  }
}

/** Containers with the rights of the host: all of a pod or none, in the host's network. */
export function checkHostProcess(errors: Errors, path: string, spec: Partial<PodSpec>): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const all = containersOf(spec, path);
  let count = 0;
  for (const [{ securityContext }, field] of all) {
    const own = securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const text = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(invalid(`${field}.securityContext.windowsOptions.hostProcess`, own, text));
    }
    if (own ?? ofPod ?? false) count++;
  }
  if (count === 0) return;
  if (count !== all.length) {
    const text = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
    errors.push(invalid(path, "", text));
  }
  if (spec.hostNetwork !== true) {
    const text = "hostNetwork must be true if pod contains any hostProcess containers";
    errors.push(invalid(`${path}.hostNetwork`, false, text));
  }
}

export function checkWindowsOptions(
  errors: Errors,
  path: string,
  options: WindowsSecurityContextOptions | undefined,
): void {
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options ?? {};
  if (name !== undefined) checkText(errors, `${path}.gmsaCredentialSpecName`, name, dns1123Subdomain);
  if (spec === "") {
    errors.push(invalid(`${path}.gmsaCredentialSpec`, spec, "gmsaCredentialSpec cannot be an empty string"));
  } else if ((spec ?? "").length > credentialSpecKibMax * 1024) {
    const text = `gmsaCredentialSpec size must be under ${credentialSpecKibMax} KiB`;
    errors.push(invalid(`${path}.gmsaCredentialSpec`, spec, text));
  }
  if (user !== undefined) checkText(errors, `${path}.runAsUserName`, user, windowsUser);
}

/** `USER` or `DOMAIN\USER`. */
function windowsUser(value: string): readonly string[] {
  if (value === "") return ["runAsUserName cannot be an empty string"];
  if (hasControl(value)) return ["runAsUserName cannot contain control characters"];
  const parts = value.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const [user = "", domain] = parts.reverse();
  const texts: string[] = [];
  if ((domain ?? "").length >= domainLengthMax) {
    texts.push(`runAsUserName's Domain length must be under ${domainLengthMax} characters`);
  }
  if (domain !== undefined && !netBios.test(domain) && !dnsName.test(domain)) {
    texts.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === "") texts.push("runAsUserName's User cannot be empty");
  else if (user.length > userLengthMax) {
    texts.push(`runAsUserName's User length must not be longer than ${userLengthMax} characters`);
  }
  if (/^[. ]+$/.test(user)) texts.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    texts.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
  }
  return texts;
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < " " || character === "\u007f");
}
