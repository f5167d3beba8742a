// A container's environment: services of the namespace, envFrom, then env; `$(NAME)` in values, commands and arguments
// stands for a variable that was set before, `$$` for `$`.
import type { Container, EnvVar, Pod, Service } from "@triarch/api";
import { utf8Text } from "@triarch/base";
import { ConfigError, type ConfigSource } from "./config-source.ts";
import { fieldValue, resourceValue, type NodeFacts } from "./downward-api.ts";

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIp: string;
  readonly node: NodeFacts;
  readonly source: ConfigSource;
  /** Of the pod's namespace, and `default/kubernetes`. */
  readonly services: readonly Service[];
}

/** @throws ConfigError when a name that is not optional does not exist */
export async function environment(input: EnvironmentInput): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  const links = serviceVariables(input);
  for (const [name, value] of links) values.set(name, value);
  for (const from of input.container.envFrom ?? []) {
    const found = await envFromValues(input, from);
    for (const [key, value] of found) values.set(`${from.prefix ?? ""}${key}`, utf8Text(value));
  }
  for (const variable of input.container.env ?? []) {
    const value = await variableValue(input, variable, values);
    if (value !== undefined) values.set(variable.name, value);
  }
  return values;
}

/** An unknown name stays as it is written. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (values.get(name) ?? whole),
  );
}

type EnvFrom = NonNullable<Container["envFrom"]>[number];

async function envFromValues(
  { source, pod }: EnvironmentInput,
  from: EnvFrom,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const namespace = pod.metadata?.namespace ?? "";
  const ref = from.configMapRef ?? from.secretRef;
  if (ref === undefined) return new Map();
  const name = ref.name ?? "";
  const [kind, found] =
    from.configMapRef === undefined
      ? ["secret", await source.secret(namespace, name)]
      : ["configmap", await source.configMap(namespace, name)];
  if (found === undefined && ref.optional !== true) throw new ConfigError(`${kind} "${name}" not found`);
  return found ?? new Map();
}

async function variableValue(
  input: EnvironmentInput,
  variable: EnvVar,
  before: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const { pod, source } = input;
  const from = variable.valueFrom;
  if (from === undefined) return expand(variable.value ?? "", before);
  if (from.fieldRef !== undefined) return fieldValue(pod, from.fieldRef, input.node, input.podIp);
  if (from.resourceFieldRef !== undefined) {
    return resourceValue(pod, input.container.name, from.resourceFieldRef, input.node);
  }
  const ref = from.configMapKeyRef ?? from.secretKeyRef;
  if (ref === undefined) throw new ConfigError(`variable ${variable.name}: this source of values is not supported`);
  const namespace = pod.metadata?.namespace ?? "";
  const name = ref.name ?? "";
  const [kind, values] =
    from.configMapKeyRef === undefined
      ? (["Secret", await source.secret(namespace, name)] as const)
      : (["ConfigMap", await source.configMap(namespace, name)] as const);
  const value = values?.get(ref.key);
  if (value !== undefined) return utf8Text(value);
  if (ref.optional === true) return undefined;
  if (values === undefined) throw new ConfigError(`${kind.toLowerCase()} "${name}" not found`);
  throw new ConfigError(`couldn't find key ${ref.key} in ${kind} ${namespace}/${name}`);
}

/** `NAME_SERVICE_HOST`, `NAME_SERVICE_PORT` and Docker's old link names; with enableServiceLinks off only `kubernetes`. */
function serviceVariables({ pod, services }: EnvironmentInput): Map<string, string> {
  const values = new Map<string, string>();
  const links = pod.spec?.enableServiceLinks !== false;
  for (const { metadata, spec } of services) {
    const address = spec?.clusterIP ?? "";
    if (address === "" || address === "None") continue;
    const isApi = metadata?.namespace === "default" && metadata.name === "kubernetes";
    if (!isApi && (!links || metadata?.namespace !== pod.metadata?.namespace)) continue;
    const name = (metadata?.name ?? "").toUpperCase().replaceAll("-", "_");
    values.set(`${name}_SERVICE_HOST`, address);
    for (const [i, { name: portName, port, protocol = "TCP" }] of (spec?.ports ?? []).entries()) {
      const lower = protocol.toLowerCase();
      const url = `${lower}://${address}:${port}`;
      if (i === 0) {
        values.set(`${name}_SERVICE_PORT`, String(port));
        values.set(`${name}_PORT`, url);
      }
      if (portName !== undefined && portName !== "") {
        values.set(`${name}_SERVICE_PORT_${portName.toUpperCase().replaceAll("-", "_")}`, String(port));
      }
      const prefix = `${name}_PORT_${port}_${protocol}`;
      values.set(prefix, url);
      values.set(`${prefix}_PROTO`, lower);
      values.set(`${prefix}_PORT`, String(port));
      values.set(`${prefix}_ADDR`, address);
    }
  }
  return values;
}
