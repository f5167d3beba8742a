// Annotations of pods that mean something: what the kubelet or a controller reads is checked, old ways of confining too.
import type { AppArmorProfile, PodSpec, SeccompProfile } from "../generated/types.generated.ts";
import type { JsonObject } from "../json.ts";
import { type FieldError, forbidden, invalid } from "../meta/field-error.ts";
import { objectAt, textAt, typed } from "../meta/mutable.ts";
import type { Errors } from "./basics.ts";
import { containersOf } from "./pod-os.ts";
import { checkDescendingPath } from "./volume-files.ts";

const mirror = "kubernetes.io/config.mirror";
const deletionCost = "controller.kubernetes.io/pod-deletion-cost";
const seccompPod = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainer = "container.seccomp.security.alpha.kubernetes.io/";
/** Stands before a container's name. */
export const appArmorAnnotation = "container.apparmor.security.beta.kubernetes.io/";
const int32Max = 2_147_483_647;

/** @param object a pod or a pod template; `path` is that of its annotations */
export function validatePodAnnotations(object: JsonObject, path: string): readonly FieldError[] {
  const annotations = annotationsOf(object);
  const spec = typed<Partial<PodSpec>>(objectAt(object, "spec") ?? {});
  const errors: Errors = [];
  for (const key of Object.keys(annotations)) {
    const value = textAt(annotations, key);
    const field = `${path}[${key}]`;
    if (key === mirror && (spec.nodeName ?? "") === "") {
      errors.push(invalid(field, value, "must set spec.nodeName if mirror pod annotation is set"));
    }
    if (key === deletionCost && !isInt32(value)) errors.push(invalid(field, value, "must be a 32bit integer"));
    if (key === seccompPod || key.startsWith(seccompContainer)) checkSeccompProfile(errors, `${path}.${key}`, value);
    if (key.startsWith(appArmorAnnotation)) checkAppArmorProfile(errors, field, { key, value, spec });
  }
  return errors;
}

/** Whoever a pod was made for, and how it is confined, stays. */
export function validatePodAnnotationChange(next: JsonObject, old: JsonObject, path: string): readonly FieldError[] {
  const [annotations, before] = [annotationsOf(next), annotationsOf(old)];
  const errors: Errors = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(annotations)])) {
    if (annotations[key] === before[key]) continue;
    const done = Object.hasOwn(before, key) ? "remove or update" : "add";
    if (key.startsWith(appArmorAnnotation)) {
      errors.push(forbidden(`${path}[${key}]`, `may not ${done} AppArmor annotations`));
    }
    if (key === mirror) errors.push(forbidden(`${path}[${key}]`, `may not ${done} mirror pod annotation`));
  }
  return [...errors, ...validatePodAnnotations(next, path)];
}

function annotationsOf(object: JsonObject): JsonObject {
  return objectAt(objectAt(object, "metadata") ?? {}, "annotations") ?? {};
}

function isInt32(text: string): boolean {
  const value = Number(text);
  return /^(?:0|-?[1-9]\d*)$/.test(text) && value <= int32Max && value >= -int32Max - 1;
}

function checkSeccompProfile(errors: Errors, path: string, profile: string): void {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return;
  const local = /^localhost\/(.*)$/s.exec(profile)?.[1];
  if (local === undefined) errors.push(invalid(path, profile, "must be a valid seccomp profile"));
  else checkDescendingPath(errors, path, local);
}

interface AppArmorAnnotation {
  readonly key: string;
  readonly value: string;
  readonly spec: Partial<PodSpec>;
}

function checkAppArmorProfile(errors: Errors, field: string, { key, value, spec }: AppArmorAnnotation): void {
  const name = key.slice(appArmorAnnotation.length);
  if (!containersOf(spec, "").some(([container]) => container.name === name)) {
    errors.push(invalid(field, name, "container not found"));
  }
  const known = value === "" || value === "runtime/default" || value === "unconfined" || value.startsWith("localhost/");
  if (!known) errors.push(invalid(field, value, `invalid AppArmor profile name: ${JSON.stringify(value)}`));
}

const localPrefix = "localhost/";

/** The profile that the value of an annotation means; `undefined` for none, and for what is no profile. */
export function appArmorProfileOf(value: string): AppArmorProfile | undefined {
  if (value === "unconfined") return { type: "Unconfined" };
  if (value === "runtime/default") return { type: "RuntimeDefault" };
  const name = value.startsWith(localPrefix) ? value.slice(localPrefix.length) : "";
  return name === "" || name !== name.trim() || name.length > 4095
    ? undefined
    : { type: "Localhost", localhostProfile: name };
}

/**
 * Who says twice how something is confined, by annotation and by field, must say the same.
 * @param path of the spec
 */
export function validateProfilesAgree(object: JsonObject, path: string): readonly FieldError[] {
  const annotations = annotationsOf(object);
  const spec = typed<Partial<PodSpec>>(objectAt(object, "spec") ?? {});
  const errors: Errors = [];
  const ofPod = spec.securityContext;
  checkAgrees(errors, `${path}.securityContext.seccompProfile`, {
    name: "seccomp",
    profile: ofPod?.seccompProfile,
    value: annotations[seccompPod],
  });
  for (const [{ name, securityContext }, field] of containersOf(spec, path)) {
    checkAgrees(errors, `${field}.securityContext.seccompProfile`, {
      name: "seccomp",
      profile: securityContext?.seccompProfile,
      value: annotations[`${seccompContainer}${name}`],
    });
  }
  if (spec.os?.name === "windows") return errors;
  for (const [{ name, securityContext }, field] of containersOf(spec, path)) {
    checkAgrees(errors, `${field}.securityContext.appArmorProfile`, {
      name: "apparmor",
      profile: securityContext?.appArmorProfile ?? ofPod?.appArmorProfile,
      value: annotations[`${appArmorAnnotation}${name}`],
    });
  }
  return errors;
}

interface SaidTwice {
  readonly name: "seccomp" | "apparmor";
  readonly profile: SeccompProfile | AppArmorProfile | undefined;
  readonly value: JsonObject[string];
}

function checkAgrees(errors: Errors, path: string, { name, profile, value }: SaidTwice): void {
  if (profile === undefined || typeof value !== "string") return;
  const runtimeDefaults = name === "seccomp" ? ["runtime/default", "docker/default"] : ["runtime/default"];
  const differs =
    (profile.type === "Unconfined" && value !== "unconfined") ||
    (profile.type === "RuntimeDefault" && !runtimeDefaults.includes(value)) ||
    (profile.type === "Localhost" && !value.startsWith(localPrefix));
  if (differs) {
    errors.push(forbidden(`${path}.type`, `${name} type in annotation and field must match`));
  } else if (profile.type === "Localhost" && value.slice(localPrefix.length) !== profile.localhostProfile) {
    errors.push(forbidden(`${path}.localhostProfile`, `${name} profile in annotation and field must match`));
  }
}
