// Details of baseline checks: hosts that probes and hooks name, and what is wrong with SELinux options.
import type { SELinuxOptions } from "@triarch/api";
import { type AnyContainer, plural, quotedSet } from "./check.ts";

const types = ["", "container_t", "container_init_t", "container_kvm_t"];
const typesSince31 = [...types, "container_engine_t"];

export function seLinuxTypes(minor: number): ReadonlySet<string> {
  return new Set(minor >= 31 ? typesSince31 : types);
}

/** What these options set that they may not, as one text; empty: nothing. */
export function badSeLinux(options: readonly SELinuxOptions[], allowed: ReadonlySet<string>): string {
  const bad = new Set(options.map(({ type = "" }) => type).filter((type) => !allowed.has(type)));
  return [
    ...(bad.size === 0 ? [] : [`${plural(bad.size, "type")} ${quotedSet(bad)}`]),
    ...(options.some(({ user = "" }) => user !== "") ? ["user may not be set"] : []),
    ...(options.some(({ role = "" }) => role !== "") ? ["role may not be set"] : []),
  ].join("; ");
}

interface Handler {
  readonly httpGet?: { readonly host?: string };
  readonly tcpSocket?: { readonly host?: string };
}

/** A kubelet asks from the node: a host of one's own choosing would be asked from inside the node's network. */
export function badHosts({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): readonly string[] {
  const handlers: readonly (Handler | undefined)[] = [
    livenessProbe,
    readinessProbe,
    startupProbe,
    lifecycle?.postStart,
    lifecycle?.preStop,
  ];
  return handlers
    .flatMap((handler) => [handler?.httpGet?.host ?? "", handler?.tcpSocket?.host ?? ""])
    .filter((host) => host !== "");
}
