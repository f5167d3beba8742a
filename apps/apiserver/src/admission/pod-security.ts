// PodSecurity: namespaces say by labels how strict their pods must be. Pods are refused, templates of pods only warned
// about, and who makes a namespace stricter hears which of its pods would no longer be admitted.
import {
  deepEqual,
  findResource,
  forbiddenRequest,
  invalidObject,
  isObject,
  type JsonObject,
  listAt,
  objectAt,
  type PodSpec,
  qualifiedResource,
  StatusError,
  textAt,
  typed,
} from "@triarch/api";
import { assertDefined } from "@triarch/base";
import type { ResourceStore } from "../storage/index.ts";
import type { AdmissionPlugin, WriteAdmission } from "./admission.ts";
import { assertFound, type NamespaceLookup } from "./namespace-lookup.ts";
import { subjectOf } from "./pod-security/check.ts";
import { detailText, violations } from "./pod-security/evaluate.ts";
import { existingPodWarnings } from "./pod-security/existing-pods.ts";
import {
  compareLevels,
  isPrivileged,
  levelVersionText,
  type NamespacePolicy,
  namespacePolicy,
} from "./pod-security/namespace-policy.ts";

/** Where a kind has its template. */
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  replicationcontrollers: ["spec", "template"],
  podtemplates: ["template"],
  "replicasets.apps": ["spec", "template"],
  "deployments.apps": ["spec", "template"],
  "statefulsets.apps": ["spec", "template"],
  "daemonsets.apps": ["spec", "template"],
  "jobs.batch": ["spec", "template"],
  "cronjobs.batch": ["spec", "jobTemplate", "spec", "template"],
};

export function podSecurity(store: ResourceStore, namespaces: NamespaceLookup): AdmissionPlugin {
  const pods = assertDefined(findResource("", "v1", "pods"), "pods are not served");

  const policyOf = async (namespace: string): Promise<NamespacePolicy> =>
    namespacePolicy(mapAt(assertFound(await namespaces.get(namespace), namespace), "labels")).policy;

  const validate = async (request: WriteAdmission, next: JsonObject, old: JsonObject | undefined): Promise<void> => {
    const name = qualifiedResource(request.resource);
    if (name === "pods") {
      if (request.subresource === "status" || (old !== undefined && !isSignificant(next, old))) return;
      return judge(request, next, await policyOf(request.namespace), true);
    }
    if ((request.subresource ?? "") !== "") return;
    if (name === "namespaces") return validateNamespace(request, next, old);
    const template = templatePaths[name]?.reduce<JsonObject | undefined>(
      (object, key) => (object === undefined ? undefined : objectAt(object, key)),
      next,
    );
    if (template !== undefined) judge(request, template, await policyOf(request.namespace), false);
  };

  const validateNamespace = async (
    request: WriteAdmission,
    next: JsonObject,
    old: JsonObject | undefined,
  ): Promise<void> => {
    const { policy, errors } = namespacePolicy(mapAt(next, "labels"));
    const before = old === undefined ? undefined : namespacePolicy(mapAt(old, "labels"));
    const name = nameOf(next);
    if (errors.length > 0 && !deepEqual(fieldsOf(errors), fieldsOf(before?.errors ?? []))) {
      throw new StatusError(invalidObject(request.resource, name, errors));
    }
    if (before === undefined || !isStricter(policy.enforce, before.policy.enforce)) return;
    const { items } = await store.list(pods, { namespace: name, resourceVersion: "0" });
    request.warnings.push(
      ...existingPodWarnings(
        name,
        policy.enforce,
        items.map((item) => item.object()),
      ),
    );
  };

  return {
    name: "PodSecurity",
    validateCreate: (request) => validate(request, request.object, undefined),
    validateUpdate: validate,
  };
}

/** @throws StatusError 403 for a pod */
function judge(request: WriteAdmission, pod: JsonObject, policy: NamespacePolicy, enforces: boolean): void {
  if (isPrivileged(policy)) return;
  const subject = subjectOf(typed<PodSpec>(objectAt(pod, "spec") ?? {}), mapAt(pod, "annotations"));
  const { enforce, warn } = policy;
  const refused = enforces ? violations(subject, enforce) : [];
  if (refused.length > 0) {
    const why = `violates PodSecurity "${levelVersionText(enforce)}": ${detailText(refused)}`;
    throw new StatusError(forbiddenRequest(request.resource, nameOf(pod), why));
  }
  const found = violations(subject, warn);
  if (found.length === 0) return;
  request.warnings.push(`would violate PodSecurity "${levelVersionText(warn)}": ${detailText(found)}`);
}

/** Of what may change in a pod, only containers and their images are looked at. */
function isSignificant(next: JsonObject, old: JsonObject): boolean {
  const [spec, oldSpec] = [objectAt(next, "spec") ?? {}, objectAt(old, "spec") ?? {}];
  const images = (of: JsonObject, list: string): JsonObject[] =>
    listAt(of, list)
      .filter(isObject)
      .map((container) => ({ name: textAt(container, "name"), image: textAt(container, "image") }));
  return ["containers", "initContainers", "ephemeralContainers"].some(
    (list) => !deepEqual(images(spec, list), images(oldSpec, list)),
  );
}

function isStricter(next: NamespacePolicy["enforce"], old: NamespacePolicy["enforce"]): boolean {
  if (next.level === "privileged") return false;
  return next.minor === old.minor ? compareLevels(next.level, old.level) > 0 : true;
}

function fieldsOf(errors: readonly { readonly field: string; readonly badValue?: JsonObject[string] }[]): JsonObject[] {
  return errors.map(({ field, badValue }) => ({ field, badValue: badValue ?? null }));
}

function nameOf(object: JsonObject): string {
  return textAt(objectAt(object, "metadata"), "name");
}

function mapAt(object: JsonObject, key: "labels" | "annotations"): JsonObject {
  return objectAt(objectAt(object, "metadata") ?? {}, key) ?? {};
}
