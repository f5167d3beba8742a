// What the runtime is told about a pod's sandbox. Pure.
import type { Pod } from "@triarch/api";
import type { PortMapping, SandboxConfig } from "@triarch/runtime-hollow";
import { podHostname } from "../volumes/pod-files.ts";

export function sandboxConfig(pod: Pod, attempt: number): SandboxConfig {
  const { metadata, spec } = pod;
  return {
    pod: { uid: metadata?.uid ?? "", namespace: metadata?.namespace ?? "", name: metadata?.name ?? "" },
    attempt,
    hostname: podHostname(pod),
    hostNetwork: spec?.hostNetwork === true,
    hostPid: spec?.hostPID === true,
    portMappings: portMappings(pod),
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
  };
}

function portMappings(pod: Pod): readonly PortMapping[] {
  return (pod.spec?.containers ?? []).flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ hostPort = 0, containerPort, protocol = "TCP", hostIP }): PortMapping[] => {
      if (hostPort === 0) return [];
      const mapping = { hostPort, containerPort, protocol: protocol.toLowerCase() as PortMapping["protocol"] };
      return [hostIP === undefined ? mapping : { ...mapping, hostIp: hostIP }];
    }),
  );
}
