// The plug-ins that Kubernetes has switched on unless told otherwise, and NodeRestriction, which belongs to the node
// authorizer; in Kubernetes' order.
import type { Authorizer } from "@triarch/auth";
import type { Rng } from "@triarch/base";
import type { ResourceStore } from "../storage/index.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";
import { claimResize } from "./claim-resize.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-classes.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { namespaceLookup } from "./namespace-lookup.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { storageProtection, taintNewNodes } from "./object-protection.ts";
import { defaultTolerations, priority } from "./pod-defaults.ts";
import { podSecurity } from "./pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccounts } from "./service-accounts.ts";

export interface PluginOptions {
  readonly store: ResourceStore;
  readonly rng: Rng;
  readonly authorizer: Authorizer;
  /** Makes a namespace's default account; undefined: the controller manager does. */
  readonly makeDefault: ((namespace: string) => Promise<void>) | undefined;
}

export function admissionPlugins({ store, rng, authorizer, makeDefault }: PluginOptions): readonly AdmissionPlugin[] {
  const namespaces = namespaceLookup(store);
  return [
    namespaceLifecycle(namespaces),
    serviceAccounts({ store, rng, makeDefault }),
    nodeRestriction(store),
    taintNewNodes,
    podSecurity(store, namespaces),
    priority(store),
    defaultTolerations,
    defaultStorageClass(store),
    storageProtection,
    claimResize(store),
    runtimeClass(store),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(store),
    podTopologyLabels(store),
  ];
}
