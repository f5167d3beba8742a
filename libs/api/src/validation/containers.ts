// Containers of a pod: names, images, ports, resources, restart rules. The three roles share most of it.
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  EphemeralContainer,
} from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { duplicate, forbidden, invalid, notFoundField, notSupported, required, tooMany } from "../meta/field-error.ts";
import { dns1123Label, portName } from "../meta/names.ts";
import { checkEnum, checkPort, checkRequiredText, type Errors } from "./basics.ts";
import { checkEnvironment, checkEnvironmentSources } from "./environment.ts";
import { checkLifecycle, checkProbe } from "./handlers.ts";
import { checkDevices, checkMounts, type KnownVolumes } from "./mounts.ts";
import { checkRequirements } from "./resources.ts";
import { checkSecurityContext } from "./security.ts";
import { pullPolicies } from "./volumes.ts";

const messagePolicies = ["File", "FallbackToLogsOnError"];
const restartPolicies = ["Always", "Never", "OnFailure"];
const restartRulesMax = 20;
const exitCodesMax = 255;
export const portProtocols = ["SCTP", "TCP", "UDP"];

/** What containers are judged by: the pod around them. */
export interface ContainerContext {
  readonly volumes: KnownVolumes;
  readonly claimNames: ReadonlySet<string>;
  readonly hostUsers: boolean;
  readonly graceSeconds: number | undefined;
  readonly podRestartPolicy: string;
  /** False in templates, where an image may still be filled in. */
  readonly inPod: boolean;
}

export function checkContainers(
  errors: Errors,
  path: string,
  containers: readonly Container[],
  context: ContainerContext,
): void {
  if (containers.length === 0) errors.push(required(path));
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const field = `${path}[${i}]`;
    checkContainer(errors, field, container, context);
    if (names.has(container.name)) errors.push(duplicate(`${field}.name`, container.name));
    names.add(container.name);
    checkHooksAndProbes(errors, field, container, context);
    checkRestartRules(errors, field, container);
  });
  checkHostPorts(errors, path, containers);
}

/** They run one by one before the others, except for sidecars, which stay. */
export function checkInitContainers(
  errors: Errors,
  path: string,
  containers: readonly Container[],
  context: ContainerContext & { readonly takenNames: readonly string[] },
): void {
  const names = new Set(context.takenNames);
  containers.forEach((container, i) => {
    const field = `${path}[${i}]`;
    checkContainer(errors, field, container, context);
    checkRestartRules(errors, field, container);
    if (names.has(container.name)) errors.push(duplicate(`${field}.name`, container.name));
    else if ((container.name ?? "") !== "") names.add(container.name);
    checkHostPorts(errors, path, [container]);
    if (container.restartPolicy === "Always") {
      checkHooksAndProbes(errors, field, container, context);
      return;
    }
    for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (container[name] === undefined) continue;
      errors.push(forbidden(`${field}.${name}`, "may not be set for init containers without restartPolicy=Always"));
    }
  });
}

const refusedInEphemeral = [
  "ports",
  "resources",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "restartPolicy",
  "restartPolicyRules",
  "resizePolicy",
];

/** Added to running pods to look at them: nothing that a pod's service could come to depend on. */
export function checkEphemeralContainers(
  errors: Errors,
  path: string,
  containers: readonly EphemeralContainer[],
  context: ContainerContext & { readonly takenNames: readonly string[] },
): void {
  const names = new Set(context.takenNames);
  containers.forEach((container, i) => {
    const field = `${path}[${i}]`;
    checkContainer(errors, field, container, { ...context, inPod: true });
    if (names.has(container.name)) errors.push(duplicate(`${field}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName ?? "";
    if (target !== "" && !context.takenNames.includes(target)) {
      errors.push(notFoundField(`${field}.targetContainerName`, target));
    }
    const text = "cannot be set for an Ephemeral Container";
    for (const name of refusedInEphemeral) {
      if (isSet((container as unknown as JsonObject)[name])) errors.push(forbidden(`${field}.${name}`, text));
    }
    (container.volumeMounts ?? []).forEach((mount, j) => {
      for (const name of ["subPath", "subPathExpr"] as const) {
        if ((mount[name] ?? "") !== "") errors.push(forbidden(`${field}.volumeMounts[${j}].${name}`, text));
      }
    });
  });
}

/** `resources: {}` is what Go writes of none. */
function isSet(value: JsonObject[string]): boolean {
  return value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0);
}

function checkContainer(errors: Errors, path: string, container: Container, context: ContainerContext): void {
  checkRequiredText(errors, `${path}.name`, container.name, dns1123Label);
  const image = container.image ?? "";
  if (image === "") errors.push(required(`${path}.image`));
  else if (context.inPod && image !== image.trim()) {
    errors.push(invalid(`${path}.image`, image, "must not have leading or trailing whitespace"));
  }
  checkEnum(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies);
  checkPorts(errors, `${path}.ports`, container.ports ?? []);
  checkEnvironment(errors, `${path}.env`, container.env ?? []);
  checkEnvironmentSources(errors, `${path}.envFrom`, container.envFrom ?? []);
  checkMounts(errors, `${path}.volumeMounts`, container, context.volumes);
  checkDevices(errors, `${path}.volumeDevices`, container, context.volumes);
  checkEnum(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies);
  checkRequirements(errors, `${path}.resources`, container.resources, { claimNames: context.claimNames });
  checkResizePolicy(errors, `${path}.resizePolicy`, container.resizePolicy ?? [], context.podRestartPolicy);
  checkSecurityContext(errors, `${path}.securityContext`, container.securityContext, context.hostUsers);
}

function checkHooksAndProbes(errors: Errors, path: string, container: Container, context: ContainerContext): void {
  const { graceSeconds } = context;
  checkLifecycle(errors, `${path}.lifecycle`, container.lifecycle, graceSeconds);
  for (const role of ["liveness", "readiness", "startup"] as const) {
    checkProbe(errors, `${path}.${role}Probe`, container[`${role}Probe`], { role, graceSeconds });
  }
}

/** What a container does at its end, where that is not what its pod says. */
function checkRestartRules(errors: Errors, path: string, container: Container): void {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  if (restartPolicy !== undefined) {
    checkEnum(errors, `${path}.restartPolicy`, restartPolicy, restartPolicies, "unsupported");
  } else if (rules.length > 0) {
    errors.push(required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used"));
  }
  const list = `${path}.restartPolicyRules`;
  if (rules.length > restartRulesMax) errors.push(tooMany(list, rules.length, restartRulesMax));
  rules.forEach(({ action = "", exitCodes }: Partial<ContainerRestartRule>, i) => {
    const actions = ["Restart", "RestartAllContainers"];
    if (!actions.includes(action)) errors.push(notSupported(`${list}[${i}].action`, action, actions));
    const field = `${list}[${i}].exitCodes`;
    if (exitCodes === undefined) {
      errors.push(required(field, "must be specified"));
      return;
    }
    checkEnum(errors, `${field}.operator`, exitCodes.operator, ["In", "NotIn"], "unsupported");
    const count = (exitCodes.values ?? []).length;
    if (count > exitCodesMax) errors.push(tooMany(`${field}.values`, count, exitCodesMax));
  });
}

function checkPorts(errors: Errors, path: string, ports: readonly ContainerPort[]): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
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
    if ((port.hostPort ?? 0) !== 0) checkPort(errors, `${field}.hostPort`, port.hostPort);
    checkEnum(errors, `${field}.protocol`, port.protocol, portProtocols);
  });
}

/** One host port of one protocol and address can be had once per pod. */
function checkHostPorts(errors: Errors, path: string, containers: readonly Container[]): void {
  const taken = new Set<string>();
  containers.forEach((container, i) => {
    (container.ports ?? []).forEach((port, j) => {
      if ((port.hostPort ?? 0) === 0) return;
      const key = `${port.protocol ?? ""}/${port.hostIP ?? ""}/${port.hostPort}`;
      if (taken.has(key)) errors.push(duplicate(`${path}[${i}].ports[${j}].hostPort`, key));
      taken.add(key);
    });
  });
}

function checkResizePolicy(
  errors: Errors,
  path: string,
  policies: readonly ContainerResizePolicy[],
  podRestartPolicy: string,
): void {
  const names = new Set<string>();
  policies.forEach(({ resourceName = "", restartPolicy = "" }: Partial<ContainerResizePolicy>, i) => {
    if (names.has(resourceName)) errors.push(duplicate(`${path}[${i}]`, resourceName));
    names.add(resourceName);
    checkEnum(errors, path, resourceName, ["cpu", "memory"]);
    checkEnum(errors, path, restartPolicy, ["NotRequired", "RestartContainer"]);
    if (podRestartPolicy === "Never" && restartPolicy !== "NotRequired") {
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    }
  });
}
