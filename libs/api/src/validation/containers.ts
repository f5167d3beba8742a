// Containers of a pod: names, images, ports, environment, mounts, probes, hooks and resources.
import type { Container, LifecycleHandler, Probe, ResourceRequirements } from "../generated/types.generated.ts";
import { duplicate, forbidden, invalid, notFoundField, required } from "../meta/field-error.ts";
import { dns1123Label, httpHeaderName, portName } from "../meta/names.ts";
import { compareQuantities, isQuantity, parseQuantity } from "../quantity/quantity.ts";
import { checkEnum, checkNonNegative, checkPort, checkPortOrName, checkRequiredText, type Errors } from "./basics.ts";
import { checkEnvironment, checkEnvironmentSources } from "./environment.ts";

const pullPolicies = ["Always", "IfNotPresent", "Never"];
const messagePolicies = ["File", "FallbackToLogsOnError"];
const containerRestartPolicies = ["Always", "Never", "OnFailure"];
export const portProtocols = ["SCTP", "TCP", "UDP"];

export interface ContainerContext {
  /** Volumes that may be mounted. */
  readonly volumes: ReadonlySet<string>;
  readonly hostNetwork: boolean;
}

export function checkContainers(
  errors: Errors,
  path: string,
  containers: readonly Container[],
  context: ContainerContext & { readonly role: "main" | "init"; readonly takenNames: Set<string> },
): void {
  containers.forEach((container, i) => {
    const field = `${path}[${i}]`;
    checkContainer(errors, field, container, context);
    if (container.name !== undefined && container.name !== "") {
      if (context.takenNames.has(container.name)) errors.push(duplicate(`${field}.name`, container.name));
      context.takenNames.add(container.name);
    }
    if (context.role === "init") checkInitContainer(errors, field, container);
    else checkHooksAndProbes(errors, field, container);
  });
  checkHostPorts(errors, path, containers);
}

function checkContainer(errors: Errors, path: string, container: Container, context: ContainerContext): void {
  checkRequiredText(errors, `${path}.name`, container.name, dns1123Label);
  const image = container.image ?? "";
  if (image === "") errors.push(required(`${path}.image`));
  else if (image !== image.trim())
    errors.push(invalid(`${path}.image`, image, "must not have leading or trailing whitespace"));
  checkEnum(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies);
  checkEnum(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies);
  checkPorts(errors, `${path}.ports`, container, context.hostNetwork);
  checkEnvironment(errors, `${path}.env`, container.env ?? []);
  checkEnvironmentSources(errors, `${path}.envFrom`, container.envFrom ?? []);
  checkMounts(errors, `${path}.volumeMounts`, container, context.volumes);
  checkResources(errors, `${path}.resources`, container.resources);
  const user = container.securityContext?.runAsUser;
  if (user !== undefined && user < 0) {
    errors.push(invalid(`${path}.securityContext.runAsUser`, user, "must be between 0 and 2147483647, inclusive"));
  }
  const security = container.securityContext;
  if (security?.privileged === true && security.allowPrivilegeEscalation === false) {
    const text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
    errors.push(invalid(`${path}.securityContext`, { privileged: true, allowPrivilegeEscalation: false }, text));
  }
}

/** Sidecars, which restart always, may have what only running containers have. */
function checkInitContainer(errors: Errors, path: string, container: Container): void {
  const { restartPolicy } = container;
  if (restartPolicy !== undefined) {
    checkEnum(errors, `${path}.restartPolicy`, restartPolicy, containerRestartPolicies, "unsupported");
  }
  if (restartPolicy === "Always") {
    checkHooksAndProbes(errors, path, container);
    return;
  }
  for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
    if (container[field] !== undefined) {
      errors.push(forbidden(`${path}.${field}`, "may not be set for init containers without restartPolicy=Always"));
    }
  }
}

function checkHooksAndProbes(errors: Errors, path: string, container: Container): void {
  const { lifecycle } = container;
  if (lifecycle?.postStart !== undefined) checkHandler(errors, `${path}.lifecycle.postStart`, lifecycle.postStart);
  if (lifecycle?.preStop !== undefined) checkHandler(errors, `${path}.lifecycle.preStop`, lifecycle.preStop);
  checkProbe(errors, `${path}.livenessProbe`, container.livenessProbe, true);
  checkProbe(errors, `${path}.readinessProbe`, container.readinessProbe, false);
  checkProbe(errors, `${path}.startupProbe`, container.startupProbe, true);
}

function checkProbe(errors: Errors, path: string, probe: Probe | undefined, onlyOneSuccess: boolean): void {
  if (probe === undefined) return;
  checkHandler(errors, path, probe);
  for (const field of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const) {
    checkNonNegative(errors, `${path}.${field}`, probe[field]);
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"));
  }
  if (onlyOneSuccess && (probe.successThreshold ?? 1) !== 1) {
    errors.push(invalid(`${path}.successThreshold`, probe.successThreshold, "must be 1"));
  }
}

type Handler = LifecycleHandler & Pick<Probe, "grpc">;
const handlerKinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

function checkHandler(errors: Errors, path: string, handler: Handler): void {
  const present = handlerKinds.filter((kind) => handler[kind] !== undefined);
  if (present.length === 0) errors.push(required(path, "must specify a handler type"));
  for (const extra of present.slice(1))
    errors.push(forbidden(`${path}.${extra}`, "may not specify more than 1 handler type"));
  const { exec, httpGet, tcpSocket, grpc } = handler;
  if (exec !== undefined && (exec.command ?? []).length === 0) errors.push(required(`${path}.exec.command`));
  if (tcpSocket !== undefined) checkPortOrName(errors, `${path}.tcpSocket.port`, tcpSocket.port);
  if (grpc !== undefined) checkPort(errors, `${path}.grpc.port`, grpc.port);
  if (httpGet !== undefined) {
    checkRequiredText(errors, `${path}.httpGet.path`, httpGet.path);
    checkPortOrName(errors, `${path}.httpGet.port`, httpGet.port);
    checkEnum(errors, `${path}.httpGet.scheme`, httpGet.scheme, ["HTTP", "HTTPS"], "unsupported");
    for (const header of httpGet.httpHeaders ?? []) {
      for (const text of httpHeaderName(header.name ?? "")) {
        errors.push(invalid(`${path}.httpGet.httpHeaders`, header.name ?? "", text));
      }
    }
  }
}

function checkPorts(errors: Errors, path: string, container: Container, hostNetwork: boolean): void {
  const names = new Set<string>();
  (container.ports ?? []).forEach((port, i) => {
    const field = `${path}[${i}]`;
    const name = port.name ?? "";
    if (name !== "") {
      const texts = portName(name);
      for (const text of texts) errors.push(invalid(`${field}.name`, name, text));
      if (texts.length === 0 && names.has(name)) errors.push(duplicate(`${field}.name`, name));
      if (texts.length === 0) names.add(name);
    }
    if ((port.containerPort ?? 0) === 0) errors.push(required(`${field}.containerPort`));
    else checkPort(errors, `${field}.containerPort`, port.containerPort);
    const hostPort = port.hostPort ?? 0;
    if (hostPort !== 0) {
      checkPort(errors, `${field}.hostPort`, hostPort);
      if (hostNetwork && hostPort !== port.containerPort) {
        errors.push(invalid(`${field}.hostPort`, hostPort, "must match `containerPort` when `hostNetwork` is true"));
      }
    }
    checkEnum(errors, `${field}.protocol`, port.protocol, portProtocols);
  });
}

/** One host port of one protocol and address can be had once per pod. */
function checkHostPorts(errors: Errors, path: string, containers: readonly Container[]): void {
  const taken = new Set<string>();
  containers.forEach((container, i) => {
    (container.ports ?? []).forEach((port, j) => {
      if ((port.hostPort ?? 0) === 0) return;
      const key = `${port.protocol ?? "TCP"}/${port.hostIP ?? ""}/${port.hostPort}`;
      if (taken.has(key)) errors.push(duplicate(`${path}[${i}].ports[${j}].hostPort`, key));
      taken.add(key);
    });
  });
}

function checkMounts(errors: Errors, path: string, container: Container, volumes: ReadonlySet<string>): void {
  const mountPaths = new Set<string>();
  (container.volumeMounts ?? []).forEach((mount, i) => {
    const field = `${path}[${i}]`;
    const name = mount.name ?? "";
    if (name === "") errors.push(required(`${field}.name`));
    if (!volumes.has(name)) errors.push(notFoundField(`${field}.name`, name));
    const mountPath = mount.mountPath ?? "";
    if (mountPath === "") errors.push(required(`${field}.mountPath`));
    if (mountPaths.has(mountPath)) errors.push(invalid(`${field}.mountPath`, mountPath, "must be unique"));
    mountPaths.add(mountPath);
    for (const sub of ["subPath", "subPathExpr"] as const) {
      const value = mount[sub] ?? "";
      if (value.startsWith("/")) errors.push(invalid(`${field}.${sub}`, value, "must be a relative path"));
      else if (value.split("/").includes("..")) errors.push(invalid(`${field}.${sub}`, value, "must not contain '..'"));
    }
    if ((mount.subPath ?? "") !== "" && (mount.subPathExpr ?? "") !== "") {
      errors.push(invalid(`${field}.subPathExpr`, mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"));
    }
  });
}

/** Requests must not exceed limits; for extended resources and huge pages they must be equal. */
export function checkResources(errors: Errors, path: string, resources: ResourceRequirements | undefined): void {
  const { limits = {}, requests = {} } = resources ?? {};
  for (const [name, value] of Object.entries(limits)) checkAmount(errors, `${path}.limits[${name}]`, value);
  for (const [name, value] of Object.entries(requests)) {
    if (!checkAmount(errors, `${path}.requests[${name}]`, value)) continue;
    const limit = limits[name];
    if (limit === undefined || !isQuantity(limit)) continue;
    const comparison = compareQuantities(parseQuantity(value), parseQuantity(limit));
    const overcommits = name === "cpu" || name === "memory" || name === "ephemeral-storage";
    if (!overcommits && comparison !== 0) {
      errors.push(invalid(`${path}.requests`, value, `must be equal to ${name} limit of ${limit}`));
    } else if (overcommits && comparison > 0) {
      errors.push(invalid(`${path}.requests`, value, `must be less than or equal to ${name} limit of ${limit}`));
    }
  }
}

function checkAmount(errors: Errors, path: string, value: string): boolean {
  if (!isQuantity(value)) {
    errors.push(invalid(path, value, "must be a quantity"));
    return false;
  }
  if (parseQuantity(value).nanos < 0n) {
    errors.push(invalid(path, value, "must be greater than or equal to 0"));
    return false;
  }
  return true;
}
