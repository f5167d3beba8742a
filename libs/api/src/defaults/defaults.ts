// Which kind has which defaults. They are what kube-apiserver fills in on decoding, before admission; what allocators,
// admission and strategies add (addresses, service accounts, priorities, finalizers) is not here.
import type { MutableObject } from "../meta/mutable.ts";
import {
  admissionDefaults,
  apiExtensionsDefaults,
  apiRegistrationDefaults,
  flowControlDefaults,
} from "./cluster-apis.ts";
import { coreDefaults } from "./core.ts";
import {
  discoveryDefaults,
  networkingDefaults,
  rbacDefaults,
  resourceDefaults,
  schedulingDefaults,
  storageDefaults,
} from "./others.ts";
import { isUnset, objectsIn } from "./set.ts";
import type { Defaulter } from "./set.ts";
import { appsDefaults, autoscalingDefaults, autoscalingV1Defaults, batchDefaults } from "./workloads.ts";

const byApiVersion: Readonly<Record<string, Readonly<Record<string, Defaulter>>>> = {
  v1: coreDefaults,
  "admissionregistration.k8s.io/v1": admissionDefaults,
  "apiextensions.k8s.io/v1": apiExtensionsDefaults,
  "apiregistration.k8s.io/v1": apiRegistrationDefaults,
  "apps/v1": appsDefaults,
  "autoscaling/v1": autoscalingV1Defaults,
  "autoscaling/v2": autoscalingDefaults,
  "batch/v1": batchDefaults,
  "discovery.k8s.io/v1": discoveryDefaults,
  "flowcontrol.apiserver.k8s.io/v1": flowControlDefaults,
  "networking.k8s.io/v1": networkingDefaults,
  "rbac.authorization.k8s.io/v1": rbacDefaults,
  "resource.k8s.io/v1": resourceDefaults,
  "scheduling.k8s.io/v1": schedulingDefaults,
  "storage.k8s.io/v1": storageDefaults,
};

/**
 * Fills in Kubernetes' defaults, in place. The object must have passed the structure check; applying twice changes nothing
 * more. A kind without defaults stays as it is. Lists of a kind get the defaults item by item.
 */
export function applyDefaults(apiVersion: string, kind: string, object: MutableObject): void {
  const kinds = Object.hasOwn(byApiVersion, apiVersion) ? byApiVersion[apiVersion] : undefined;
  if (kinds === undefined) return;
  if (Object.hasOwn(kinds, kind)) {
    kinds[kind]?.(object);
    return;
  }
  if (!kind.endsWith("List") || isUnset(kind.slice(0, -4))) return;
  const ofItem = kinds[kind.slice(0, -4)];
  if (ofItem !== undefined) for (const item of objectsIn(object, "items")) ofItem(item);
}
