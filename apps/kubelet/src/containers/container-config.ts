// What the runtime is told about a container: names resolved, resources in the kernel's units, security put together from
// the pod's and the container's part. Pure.
import { parseQuantity, quantityMilliValue, quantityValue, type Container, type Pod } from "@triarch/api";
import type { ContainerConfig, ContainerResources, ContainerSecurity, Mount } from "@triarch/runtime-hollow";
import { ConfigError } from "./config-source.ts";
import { expand } from "./environment.ts";

const sharesPerCpu = 1024;
const sharesMin = 2;
const sharesMax = 262_144;
/** Per millicore, of a period of 100 ms. */
const quotaMicrosPerMilli = 100;
/** The kernel takes no smaller quota. */
const quotaMicrosMin = 1_000;

export function containerConfig(options: {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
}): ContainerConfig {
  const { pod, container, env } = options;
  return {
    name: container.name,
    attempt: options.attempt,
    image: container.image ?? "",
    ...(container.command === undefined ? {} : { command: container.command.map((part) => expand(part, env)) }),
    ...(container.args === undefined ? {} : { args: container.args.map((part) => expand(part, env)) }),
    ...(container.workingDir === undefined ? {} : { workingDir: container.workingDir }),
    env: [...env].map(([name, value]) => ({ name, value })),
    mounts: options.mounts,
    resources: containerResources(container),
    security: containerSecurity(pod, container),
    stdin: container.stdin === true,
    tty: container.tty === true,
  };
}

export function containerResources({ resources }: Container): ContainerResources {
  const limits = resources?.limits;
  const cpuRequest = resources?.requests?.["cpu"] ?? limits?.["cpu"];
  const cpuLimit = limits?.["cpu"];
  const memoryLimit = limits?.["memory"];
  const millis = (text: string): number => Number(quantityMilliValue(parseQuantity(text)));
  const quota = cpuLimit === undefined ? 0 : millis(cpuLimit) * quotaMicrosPerMilli;
  const memory = memoryLimit === undefined ? 0 : Number(quantityValue(parseQuantity(memoryLimit)));
  const shares = cpuRequest === undefined ? sharesMin : Math.floor((millis(cpuRequest) * sharesPerCpu) / 1000);
  return {
    cpuShares: Math.min(sharesMax, Math.max(sharesMin, shares)),
    ...(quota > 0 ? { cpuQuotaMicros: Math.max(quotaMicrosMin, quota) } : {}),
    ...(memory > 0 ? { memoryLimitBytes: memory } : {}),
  };
}

/** @throws ConfigError when runAsNonRoot is asked for and the user is root */
export function containerSecurity(pod: Pod, container: Container): ContainerSecurity {
  const podContext = pod.spec?.securityContext;
  const own = container.securityContext;
  const uid = own?.runAsUser ?? podContext?.runAsUser;
  const gid = own?.runAsGroup ?? podContext?.runAsGroup;
  if ((own?.runAsNonRoot ?? podContext?.runAsNonRoot) === true && uid === 0) {
    throw new ConfigError("container's runAsUser breaks non-root policy");
  }
  const user =
    uid === undefined ? (gid === undefined ? undefined : `0:${gid}`) : gid === undefined ? `${uid}` : `${uid}:${gid}`;
  const fsGroup = podContext?.fsGroup;
  return {
    privileged: own?.privileged === true,
    readOnlyRootFilesystem: own?.readOnlyRootFilesystem === true,
    ...(user === undefined ? {} : { user }),
    supplementalGroups: [...(podContext?.supplementalGroups ?? []), ...(fsGroup === undefined ? [] : [fsGroup])],
    addCapabilities: own?.capabilities?.add ?? [],
    dropCapabilities: own?.capabilities?.drop ?? [],
    noNewPrivileges: own?.allowPrivilegeEscalation === false,
  };
}
