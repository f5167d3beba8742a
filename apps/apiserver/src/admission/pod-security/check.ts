// What every check of the pod security standards shares: what it looks at, what it answers, and how lists are worded.
import type { Container, EphemeralContainer, JsonObject, PodSpec, SecurityContext } from "@triarch/api";
import type { Level } from "./namespace-policy.ts";

export type AnyContainer = Container | EphemeralContainer;

/** The pod, or the template of one, that is judged. */
export interface Subject {
  readonly annotations: JsonObject;
  readonly spec: PodSpec;
  /** Those that initialise, the pod's own, the ephemeral ones. */
  readonly containers: readonly AnyContainer[];
}

export interface Violation {
  /** What is forbidden, in a few words; alone in lists of many pods. */
  readonly reason: string;
  /** Who does it, and with what. */
  readonly detail: string;
}

/** One rule in one of its forms. Forms of a rule share the id and take turns by version. */
export interface Check {
  readonly id: string;
  readonly level: Exclude<Level, "privileged">;
  /** First and last minor version of Kubernetes 1 that it is part of. */
  readonly since: number;
  readonly until?: number;
  /** Of the baseline: not asked where this one is. */
  readonly replaces?: string;
  readonly judge: (subject: Subject) => Violation | undefined;
}

export function subjectOf(spec: PodSpec, annotations: JsonObject): Subject {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = spec;
  return { annotations, spec, containers: [...initContainers, ...containers, ...ephemeralContainers] };
}

export function namesWhere(
  subject: Subject,
  isBad: (security: Partial<SecurityContext>, container: AnyContainer) => boolean,
): readonly string[] {
  return subject.containers
    .filter((container) => isBad(container.securityContext ?? {}, container))
    .map(({ name }) => name);
}

/** `"a", "b"` */
export function quoted(items: readonly string[]): string {
  return items.map((item) => JSON.stringify(item)).join(", ");
}

/** Sorted, each once, quoted. */
export function quotedSet(items: Iterable<string>): string {
  return quoted([...new Set(items)].sort());
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}

/** `container "a"`, `containers "a", "b"` */
export function containersText(names: readonly string[]): string {
  return `${plural(names.length, "container")} ${quoted(names)}`;
}

/** Who set something: `pod`, `container "a"`, or both joined by `and`; empty where nobody did. */
export function settersText(byPod: boolean, names: readonly string[]): string {
  return [...(byPod ? ["pod"] : []), ...(names.length === 0 ? [] : [containersText(names)])].join(" and ");
}

/** Since 1.35 a pod with users of its own may do as root what harms nobody outside. */
export function hasOwnUsers({ spec }: Subject): boolean {
  return spec.hostUsers === false;
}
